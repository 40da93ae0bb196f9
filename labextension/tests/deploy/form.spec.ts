import { nullTranslator } from '@jupyterlab/translation';

import { Signal } from '@lumino/signaling';
import * as React from 'react';
import { createRoot, type Root } from 'react-dom/client';

import type { IDeployRequest, IPlan } from '../../src/api';
import { DeployFormView } from '../../src/deploy/form';
import type { IDeployments } from '../../src/tokens';
import { until } from '../until';

describe('the deploy form', () => {
  /** The plans that were asked for, and their answers. */
  let asked: { request: IDeployRequest; answer(): void }[];
  let host: HTMLElement;
  let root: Root;

  beforeEach(async () => {
    asked = [];
    const changed = new Signal<object, void>({});
    const deployments = {
      client: {
        targets: () => Promise.resolve([]),
        plan: (request: IDeployRequest) =>
          new Promise<IPlan>(resolve => {
            asked.push({
              request,
              answer: () => resolve(planOf(request))
            });
          })
      },
      permissions: { changed, whyNot: () => null },
      stream: {}
    } as unknown as IDeployments;
    host = document.body.appendChild(document.createElement('div'));
    root = createRoot(host);
    root.render(
      React.createElement(DeployFormView, {
        deployments,
        request: { name: 'first', source: { path: 'score.py' } },
        places: null,
        fixes: null,
        kernels: [],
        onDone: () => undefined,
        trans: nullTranslator.load('')
      })
    );
    await until(() => host.querySelector('form') !== null, 'it is there');
  });

  afterEach(() => {
    root.unmount();
    host.remove();
  });

  const planOf = ({ name }: IDeployRequest) =>
    ({
      service: name,
      target: 'local',
      revision: 1,
      bundle: name,
      steps: [],
      findings: [],
      environment: {},
      notes: []
    }) as unknown as IPlan;
  const button = () =>
    host.querySelector<HTMLButtonElement>('button[type="submit"]')!;
  const plan = () => host.querySelector<HTMLElement>('[data-plan]');
  const type = (name: string) => {
    const field = host.querySelector('input')!;
    // React hears of what is set as the browser sets it.
    Object.getOwnPropertyDescriptor(
      HTMLInputElement.prototype,
      'value'
    )!.set!.call(field, name);
    field.dispatchEvent(new Event('input', { bubbles: true }));
  };

  it('shows no plan of a draft that was changed while it was made', async () => {
    button().click();
    await until(() => asked.length === 1, 'the plan is asked for');
    await until(() => button().disabled, 'it waits');
    type('second');
    await until(() => !button().disabled, 'another one can be asked for');
    asked[0].answer();
    button().click();
    await until(() => asked.length === 2, 'the other one is asked for');
    expect(plan()).toBeNull();
    expect(button().disabled).toBe(true);
    asked[1].answer();
    await until(() => plan() !== null, 'a plan is shown');
    expect(plan()!.dataset.plan).toBe('second');
    expect(asked.map(({ request }) => request.name)).toEqual([
      'first',
      'second'
    ]);
    expect(button().textContent).toBe('Deploy');
  });
});
