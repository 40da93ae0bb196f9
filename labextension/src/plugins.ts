import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

// Small, and needed as soon as a notebook with a card is restored.
// eslint-disable-next-line jupyter/prefer-lazy-imports
import { Deployments } from './deployments';
import { ServiceTabs } from './tabs';
import { DOMAIN, IDeployments, IServiceTabs, PACKAGE } from './tokens';

/** The client, the stream and the store that every other plugin uses. */
export const deployments: JupyterFrontEndPlugin<IDeployments> = {
  id: `${PACKAGE}:deployments`,
  description: 'Provides the deployments of the Jupyter server.',
  autoStart: true,
  provides: IDeployments,
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator | null
  ): IDeployments =>
    new Deployments(
      app.serviceManager.serverSettings,
      (translator ?? nullTranslator).load(DOMAIN)
    )
};

/** The tabs of a service. */
export const tabs: JupyterFrontEndPlugin<IServiceTabs> = {
  id: `${PACKAGE}:tabs`,
  description: "Provides the registry of tabs in a service's details.",
  autoStart: true,
  provides: IServiceTabs,
  activate: () => new ServiceTabs()
};
