import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useRef, useState } from 'react';

import type { IDeployRequest, IFinding, IFix, IPlan, ITarget } from '../api';
import { ApiError, describe } from '../api';
import type { IDeployments, IFixes, IPlaces } from '../tokens';
import { refusing } from '../ui/buttons';
import { useWhyNot } from '../ui/hooks';
import {
  type IDraft,
  type IProblems,
  configFields,
  draftOf,
  problemsOf,
  requestOf,
  withKey
} from './draft';
import { EnvironmentFields } from './environment';
import { FailureView } from './failure';
import { useOperation } from './following';
import { PlanView } from './planView';
import { ProgressView } from './progress';
import { placeOf, repair } from './repair';
import { Settings } from './settings';
import { Line, SourceFields } from './source';
import { TargetChoice } from './target';

const NONE: IProblems = { config: {}, fields: {}, rest: [], findings: [] };

export interface IFormProps {
  deployments: IDeployments;
  request: Partial<IDeployRequest>;
  places: IPlaces | null;
  /** Applies fixes of the linter; null where nothing can be edited. */
  fixes: IFixes | null;
  /** Names of the kernels whose Python may run the script. */
  kernels: string[];
  /** Ask for files below the file browser's root; undefined where that cannot be done. */
  browse?: (title: string) => Promise<string[]>;
  /** Called when a service went live. */
  onDone(name: string): void;
  trans: TranslationBundle;
}

/** The deploy form: what, where and how; a plan; progress; the service or why it failed. */
export function DeployFormView(props: IFormProps): JSX.Element {
  const { deployments, fixes, places, trans } = props;
  const { client } = deployments;
  const [draft, setDraft] = useState<IDraft>(() => draftOf(props.request));
  const [targets, setTargets] = useState<ITarget[] | null>(null);
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const [problems, setProblems] = useState<IProblems>(NONE);
  const [plan, setPlan] = useState<IPlan | null>(null);
  const [planning, setPlanning] = useState(false);
  // Counts drafts and plans: an answer to an older draft is none to the present one.
  const turn = useRef(0);
  const work = useOperation(deployments, props.onDone);
  const { operation, ended } = work;
  const top = useRef<HTMLFormElement>(null);
  const after = useRef<HTMLDivElement>(null);

  const whyNot = useWhyNot(deployments, 'write', 'services');
  const target = targets?.find(item => item.name === draft.target);
  const fields = configFields(target);
  const keys = new Set(fields.map(field => field.key));

  useEffect(() => {
    let gone = false;
    client
      .targets()
      .then(found => !gone && setTargets(found))
      .catch(
        error => !gone && setProblems({ ...NONE, rest: [describe(error)] })
      );
    return () => {
      gone = true;
    };
  }, []);
  const change = (part: Partial<IDraft>): void => {
    turn.current += 1;
    setDraft(now => ({ ...now, ...part }));
    setPlan(null);
    setPlanning(false);
  };
  const refused = (error: unknown): void => {
    setProblems(
      error instanceof ApiError
        ? problemsOf(error, keys)
        : { ...NONE, rest: [describe(error)] }
    );
    setPlan(null);
    // The first field that is wrong, once it is marked.
    window.setTimeout(() => {
      const first = top.current?.querySelector<HTMLElement>(
        '[aria-invalid="true"]'
      );
      first?.closest('details')?.setAttribute('open', '');
      first?.focus();
    }, 50);
  };
  const preview = async (from = draft): Promise<void> => {
    if (work.isBusy) {
      return; // by the keyboard, whose focus may be at the button that cancels
    }
    const [key] = Object.keys(wrong);
    if (key !== undefined) {
      refused(new Error(trans.__('“%1”: %2', key, wrong[key])));
      return;
    }
    setProblems(NONE);
    work.follow(null);
    setPlanning(true);
    const own = ++turn.current;
    try {
      const found = await client.plan(requestOf(from, fields));
      if (own !== turn.current) {
        return;
      }
      setPlan(found);
      window.setTimeout(() => {
        // Whoever is at the button already stays there.
        if (!after.current?.contains(document.activeElement)) {
          after.current?.focus();
        }
      }, 50);
    } catch (error) {
      if (own === turn.current) {
        refused(error);
      }
    } finally {
      if (own === turn.current) {
        setPlanning(false);
      }
    }
  };
  const deploy = async (): Promise<void> => {
    if (whyNot !== null) {
      return; // the server would refuse; the button says why
    }
    try {
      if (await work.begin(() => client.deploy(requestOf(draft, fields)))) {
        setPlan(null);
      }
    } catch (error) {
      refused(error);
    }
  };
  const browse = async (
    title: string,
    chosen: (paths: string[]) => Partial<IDraft>
  ): Promise<void> => {
    const paths = (await props.browse?.(title)) ?? [];
    if (paths.length > 0) {
      change(chosen(paths));
    }
  };
  const showFinding = async (finding: IFinding): Promise<void> => {
    const failure = await places?.show(placeOf(draft, finding));
    if (failure) {
      setProblems(now => ({ ...now, rest: [failure] }));
    }
  };

  const fixFinding = async (finding: IFinding, fix: IFix): Promise<void> => {
    const done = await repair(draft, finding, fix, { places, fixes, trans });
    if (typeof done === 'string') {
      setProblems(now => ({ ...now, rest: [done] }));
      return;
    }
    const now = { ...draft, ...done };
    setDraft(now);
    await preview(now);
  };

  const running = work.isBusy;
  const common = { trans };
  return (
    <form
      ref={top}
      className="jp-mldeploy-Deploy"
      aria-label={trans.__('Deploy')}
      noValidate
      onSubmit={event => {
        event.preventDefault();
        void (plan ? deploy() : preview());
      }}
      onKeyDown={event => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          event.stopPropagation();
          void (plan ? deploy() : preview());
        }
      }}
    >
      {whyNot && (
        <p className="jp-mldeploy-Notice" role="note">
          {trans.__('%1 A plan can be previewed.', whyNot)}
        </p>
      )}
      <fieldset className="jp-mldeploy-Plain" disabled={running}>
        <Line
          {...common}
          label={trans.__('Name')}
          required
          value={draft.name}
          onChange={name => change({ name })}
          problem={problems.fields.name}
          about={trans.__(
            'The service: 3 to 32 lower-case letters, digits and dashes. A name that is there already gets a new revision.'
          )}
        />
        <SourceFields
          {...common}
          draft={draft}
          problems={problems}
          onChange={change}
          onBrowse={
            props.browse &&
            (() =>
              void browse(trans.__('Entry script or notebook'), ([path]) => ({
                path,
                cellId: ''
              })))
          }
          onShow={finding => void showFinding(finding)}
          onFix={(finding, fix) => void fixFinding(finding, fix)}
        />
        <Line
          {...common}
          label={trans.__('Models')}
          many
          value={draft.models}
          onChange={models => change({ models })}
          problem={problems.fields.models}
          about={trans.__(
            'One a line: registered models (name or name:version), or files and folders.'
          )}
          action={
            props.browse && {
              label: trans.__('Browse…'),
              run: () =>
                void browse(trans.__('Model files'), paths => ({
                  models: [draft.models, ...paths].filter(Boolean).join('\n')
                }))
            }
          }
        />
        <TargetChoice
          {...common}
          targets={targets}
          value={draft.target}
          problem={problems.fields.target}
          onChange={name => change({ target: name })}
        />
        {target && (
          <Settings
            {...common}
            key={target.name}
            client={client}
            target={target}
            fields={fields}
            config={draft.config}
            problems={problems.config}
            onChange={(key, value) =>
              change({ config: withKey(draft.config, key, value) })
            }
            onProblem={(key, problem) =>
              setWrong(now => {
                const rest = Object.entries(now).filter(
                  ([name]) => name !== key
                );
                return Object.fromEntries(
                  problem === null ? rest : [...rest, [key, problem]]
                );
              })
            }
          />
        )}
        <EnvironmentFields
          {...common}
          draft={draft}
          problems={problems}
          kernels={props.kernels}
          onChange={change}
        />
      </fieldset>
      {[...problems.rest, ...work.problems].map(text => (
        <p className="jp-mldeploy-Field-error" role="alert" key={text}>
          {text}
        </p>
      ))}
      {plan && <PlanView plan={plan} trans={trans} />}
      <div className="jp-mldeploy-Row" ref={after} tabIndex={-1}>
        <button
          type="submit"
          className="jp-mldeploy-Button"
          data-look="accept"
          disabled={running || planning}
          {...refusing(plan && whyNot, trans.__('Ctrl+Enter'))}
        >
          {plan ? trans.__('Deploy') : trans.__('Preview plan')}
        </button>
        {planning && (
          <span role="status">
            {trans.__('Checking, nothing is created …')}
          </span>
        )}
        {ended?.state === 'succeeded' && (
          <button
            type="button"
            className="jp-mldeploy-Button"
            onClick={() => deployments.show(ended.service, 'test')}
          >
            {trans.__('Test it')}
          </button>
        )}
      </div>
      {operation && (
        <ProgressView
          {...common}
          deployments={deployments}
          operation={ended ?? operation}
          cancelLabel={trans.__('Cancel the deployment')}
        />
      )}
      {ended?.state === 'succeeded' && (
        <p role="status">
          <span className="jp-mldeploy-Badge" data-tone="good">
            {trans.__('live')}
          </span>{' '}
          {trans.__(
            '%1 revision %2 is live.',
            ended.service,
            String(ended.result?.revision ?? '')
          )}
        </p>
      )}
      {ended?.error && (
        <FailureView
          {...common}
          operation={ended}
          error={ended.error}
          places={places}
          onShow={finding => void showFinding(finding)}
          onFix={(finding, fix) => void fixFinding(finding, fix)}
        />
      )}
    </form>
  );
}
