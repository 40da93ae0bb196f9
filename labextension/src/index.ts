/**
 * Deployments in JupyterLab. Each feature is a plugin of its own, so that each can be disabled; what is heavy is loaded
 * when it is used.
 */

import { card } from './card';
import { commands } from './commands';
import { deployForm } from './deploy';
import { files } from './files';
import { fixes } from './fixes';
import { launcher } from './launcher';
import { lint } from './lint';
import { languageServer } from './lint/lsp';
import { logTab } from './logs';
import { notebook } from './notebook';
import { panel } from './panel';
import { places } from './places';
import { deployments, tabs } from './plugins';
import { revisionsTab } from './revisions';
import { running } from './running';
import { status } from './status';
import { testTab } from './test';
import { trafficTab } from './traffic';

export * from './tokens';

export default [
  deployments,
  tabs,
  commands,
  panel,
  card,
  running,
  status,
  notebook,
  files,
  launcher,
  places,
  fixes,
  testTab,
  logTab,
  revisionsTab,
  trafficTab,
  deployForm,
  lint,
  languageServer
];
