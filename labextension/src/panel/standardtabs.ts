import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IDisposable } from '@lumino/disposable';
import { DisposableSet } from '@lumino/disposable';

import type { IServiceTabs } from '../tokens';
import type { IDeployments } from '../tokens';

/** Add the tabs Overview, Schema and Code; each is loaded when it is opened. */
export function addStandardTabs(
  tabs: IServiceTabs,
  deployments: IDeployments,
  rendermime: IRenderMimeRegistry | null
): IDisposable {
  const { trans } = deployments;
  return DisposableSet.from([
    tabs.add({
      id: 'overview',
      label: trans.__('Overview'),
      rank: 0,
      create: async context =>
        new (await import('./overview')).OverviewTab(context)
    }),
    tabs.add({
      id: 'schema',
      label: trans.__('Schema'),
      rank: 40,
      create: async context =>
        new (await import('./schema')).SchemaTab(context, rendermime)
    }),
    tabs.add({
      id: 'code',
      label: trans.__('Code'),
      rank: 50,
      create: async context =>
        new (await import('./code')).CodeTab(context, rendermime)
    })
  ]);
}
