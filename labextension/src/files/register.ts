import { Dialog, showDialog } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';

import { Actions } from '../commands/actions';
import type { IDeployments } from '../tokens';
import { modelName } from './kinds';

const FRAMEWORKS = [
  '',
  'ScikitLearn',
  'Onnx',
  'PyTorch',
  'TensorFlow',
  'TfKeras',
  'Custom',
  'Multi'
];

/** Ask for a name and register a file as the next version of that model. */
export async function registerModel(
  deployments: IDeployments,
  path: string
): Promise<void> {
  const { client, trans } = deployments;
  const body = new RegisterForm(deployments, path);
  const result = await showDialog({
    title: trans.__('Register %1 as a model', path.split('/').pop() ?? path),
    body,
    focusNodeSelector: 'input',
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Register') })
    ]
  });
  const value = result.value;
  if (result.button.accept && value) {
    await new Actions(deployments).follow(
      () =>
        client.registerModel({
          path,
          name: value.name,
          ...(value.description !== '' && { description: value.description }),
          ...(value.framework !== '' && { framework: value.framework })
        }),
      trans.__('Registering %1…', value.name),
      trans.__('%1 is registered.', value.name)
    );
  }
}

interface IRegistration {
  name: string;
  description: string;
  framework: string;
}

class RegisterForm extends Widget implements Dialog.IBodyWidget<IRegistration> {
  constructor(deployments: IDeployments, path: string) {
    super();
    const { trans } = deployments;
    this.addClass('jp-mldeploy-Form');
    this._name = field(
      this.node,
      trans.__('Name'),
      document.createElement('input')
    );
    this._name.value = modelName(path);
    this._description = field(
      this.node,
      trans.__('Description'),
      document.createElement('input')
    );
    this._framework = field(
      this.node,
      trans.__('Framework'),
      document.createElement('select')
    );
    for (const value of FRAMEWORKS) {
      this._framework.add(new Option(value || trans.__('not said'), value));
    }
  }

  getValue(): IRegistration {
    return {
      name: this._name.value.trim(),
      description: this._description.value.trim(),
      framework: this._framework.value
    };
  }

  private readonly _name: HTMLInputElement;
  private readonly _description: HTMLInputElement;
  private readonly _framework: HTMLSelectElement;
}

function field<T extends HTMLElement>(
  parent: HTMLElement,
  text: string,
  input: T
): T {
  const label = document.createElement('label');
  label.textContent = text;
  input.classList.add('jp-mldeploy-Input');
  label.append(input);
  parent.append(label);
  return input;
}
