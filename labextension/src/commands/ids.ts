/** The commands; each takes what it needs as arguments, and asks where it was given nothing. */
export const CommandIDs = {
  showPanel: 'mldeploy:show-panel',
  open: 'mldeploy:open',
  refresh: 'mldeploy:refresh',
  deploy: 'mldeploy:deploy',
  deployCell: 'mldeploy:deploy-cell',
  deployFile: 'mldeploy:deploy-file',
  registerModel: 'mldeploy:register-model',
  start: 'mldeploy:start',
  stop: 'mldeploy:stop',
  rollback: 'mldeploy:rollback',
  delete: 'mldeploy:delete',
  cancel: 'mldeploy:cancel',
  copyUri: 'mldeploy:copy-uri'
} as const;
