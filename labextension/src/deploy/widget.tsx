import { MainAreaWidget } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { deployIcon } from '../ui/icons';
import { DeployFormView, type IFormProps } from './form';

/** The deploy form as a tab of the main area. */
export class DeployFormWidget extends ReactWidget {
  constructor(private readonly options: IFormProps) {
    super();
    this.addClass('jp-mldeploy-Tab');
  }

  protected override render(): JSX.Element {
    return <DeployFormView {...this.options} />;
  }
}

let count = 0;

/** Return a new form, ready for the main area. */
export function deployFormTab(
  options: IFormProps
): MainAreaWidget<DeployFormWidget> {
  const { trans } = options;
  const tab = new MainAreaWidget({ content: new DeployFormWidget(options) });
  tab.id = `jp-mldeploy-deploy-${++count}`;
  tab.title.label = options.request.name
    ? trans.__('Deploy %1', options.request.name)
    : trans.__('Deploy');
  tab.title.icon = deployIcon;
  tab.title.closable = true;
  return tab;
}
