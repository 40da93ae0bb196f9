/** Stands in for VS Code in unit tests: the few parts of it that the tested modules use. */

export interface FakeExtension {
  isActive: boolean;
  exports: unknown;
  activate(): Promise<unknown>;
}

/** What the tests set and look at. */
export const host = {
  installed: new Map<string, FakeExtension>(),
  settings: new Map<string, unknown>(),
  executed: [] as unknown[][]
};

export const extensions = {
  getExtension: (id: string) => host.installed.get(id)
};

export const workspace = {
  getConfiguration: (section: string, _scope?: unknown) => ({
    get: (key: string) => host.settings.get(`${section}.${key}`)
  })
};

export const commands = {
  executeCommand: (...given: unknown[]) => {
    host.executed.push(given);
    return Promise.resolve(undefined);
  }
};
