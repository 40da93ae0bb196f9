// What browsers have and jsdom does not.
const { TextDecoder, TextEncoder } = require('node:util');

Object.assign(globalThis, { TextDecoder, TextEncoder });
globalThis.DragEvent ??= class DragEvent extends Event {};
for (const name of ['fetch', 'Headers', 'Request', 'Response']) {
  globalThis[name] ??= class {};
}
globalThis.navigator.clipboard ??= {};
globalThis.matchMedia ??= () => ({
  matches: false,
  addEventListener: () => undefined,
  addListener: () => undefined
});
