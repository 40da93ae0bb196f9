import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import React, { useEffect, useState } from 'react';

import { type JsonObject, isObject, writeJson } from '../forms/json';
import { readJson } from '../forms/values';
import type { IServiceTabContext } from '../tokens';
import { TextButton } from '../ui/buttons';
import { useWhyNot } from '../ui/hooks';
import { BurstView } from './burstView';
import { CodeView } from './codes';
import { EdgeView } from './edgeView';
import { FileEditor, TextEditor } from './editors';
import { PayloadForm } from './form';
import { HistoryView } from './historyView';
import { type IKnown, type Mode, learn, sampleNow } from './known';
import { ProfileView } from './profileView';
import { ReplayView } from './replayView';
import { ResponseView } from './response';
import type { Body, IExchange, TestSession } from './session';
import { DEPLOYMENT_HEADER, LARGEST_FILE } from './session';
import { RevisionHeader } from './revisionHeader';

/** The Test tab of a service. */
export class TestPanel extends ReactWidget {
  constructor(
    private readonly context: IServiceTabContext,
    private readonly session: TestSession,
    private readonly insertCell?: (code: string) => string | null
  ) {
    super();
    this.addClass('jp-mldeploy-Tab');
    this.addClass('jp-mldeploy-Test');
  }

  protected override render(): JSX.Element {
    return (
      <TestView
        context={this.context}
        session={this.session}
        insertCell={this.insertCell}
      />
    );
  }
}

export { TestSessions } from './session';

function TestView(props: {
  context: IServiceTabContext;
  session: TestSession;
  insertCell?: (code: string) => string | null;
}): JSX.Element {
  const { context, session, insertCell } = props;
  const { client, trans } = context.deployments;
  const [known, setKnown] = useState<IKnown | null>(null);
  const [mode, setMode] = useState<Mode>('form');
  const [values, setValues] = useState<JsonObject>({});
  const [problems, setProblems] = useState<Record<string, string>>({});
  const [raw, setRaw] = useState('');
  const [contentType, setContentType] = useState('application/json');
  const [file, setFile] = useState<File | null>(null);
  const [fileType, setFileType] = useState('application/octet-stream');
  const [round, setRound] = useState(0);
  const [revision, setRevision] = useState('');
  const [refused, setRefused] = useState('');
  const [shown, setShown] = useState<number | null>(null);
  const whyNot = useWhyNot(context.deployments, 'execute', 'invoke');

  const load = async (isGone: () => boolean): Promise<void> => {
    const found = await learn(context, trans);
    if (isGone()) {
      return;
    }
    setKnown(found);
    setMode(found.input ? 'form' : 'raw');
    begin(found);
  };
  const begin = (from: IKnown): void => {
    setValues(from.input?.sample ?? {});
    setRaw(writeJson(from.sample, 2));
    setContentType('application/json');
    setProblems({});
    setRound(now => now + 1);
  };
  useEffect(() => {
    let gone = false;
    void load(() => gone);
    return () => {
      gone = true;
    };
  }, []);

  const headers: Record<string, string> = revision
    ? { [DEPLOYMENT_HEADER]: revision }
    : {};

  const body = (): Body | null => {
    setRefused('');
    if (mode === 'file') {
      if (file === null || file.size > LARGEST_FILE) {
        setRefused(
          file === null
            ? trans.__('Choose a file first.')
            : trans.__('Files of more than 64 MB are not sent from here.')
        );
        return null;
      }
      return { kind: 'file', file, contentType: fileType };
    }
    if (mode === 'raw') {
      return { kind: 'text', text: raw, contentType };
    }
    const [path] = Object.keys(problems);
    if (path !== undefined) {
      setRefused(trans.__('“%1” cannot be sent: %2', path, problems[path]));
      return null;
    }
    return {
      kind: 'text',
      text: writeJson(values),
      contentType: 'application/json'
    };
  };
  const send = async (): Promise<void> => {
    const now = whyNot === null ? body() : null;
    if (now !== null) {
      const pending = session.send(now, headers);
      setShown(session.history[0].number);
      await pending;
    }
  };
  const change = (to: Mode): void => {
    if (to === 'raw' && mode === 'form') {
      setRaw(writeJson(values, 2));
      setContentType('application/json');
    } else if (to === 'form') {
      const found = readJson(raw, trans);
      if (
        mode === 'raw' &&
        found.error === undefined &&
        isObject(found.value)
      ) {
        setValues(found.value);
        setProblems({});
        setRound(now => now + 1);
      }
    }
    setRefused('');
    setMode(to);
  };
  const open = (text: string, type = 'application/json'): void => {
    setRaw(text);
    setContentType(type);
    setMode('raw');
  };
  const restore = (exchange: IExchange): void => {
    setShown(exchange.number);
    if (exchange.body.kind === 'text') {
      open(exchange.body.text, exchange.body.contentType);
    } else {
      setFile(exchange.body.file);
      setFileType(exchange.body.contentType);
      setMode('file');
    }
  };

  if (known === null) {
    return <p role="status">{trans.__('Reading the schema …')}</p>;
  }
  return (
    <form
      className="jp-mldeploy-Test-form"
      aria-label={trans.__('Test request')}
      onKeyDown={event => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          event.stopPropagation();
          void send();
        }
      }}
      onSubmit={event => {
        event.preventDefault();
      }}
    >
      <fieldset className="jp-mldeploy-Modes">
        <legend className="jp-mldeploy-hidden">{trans.__('Body')}</legend>
        {(
          [
            ['form', trans.__('Form')],
            ['raw', trans.__('Text')],
            ['file', trans.__('File')]
          ] as [Mode, string][]
        ).map(([id, label]) => (
          <label
            key={id}
            title={(id === 'form' && known.why) || undefined}
            data-selected={mode === id}
          >
            <input
              type="radio"
              name={`mode-${context.uid}`}
              checked={mode === id}
              disabled={id === 'form' && known.input === null}
              onChange={() => change(id)}
            />
            {label}
          </label>
        ))}
      </fieldset>
      {known.why && mode !== 'file' && (
        <p className="jp-mldeploy-Field-about">{known.why}</p>
      )}
      {mode === 'form' && known.input && (
        <PayloadForm
          key={round}
          input={known.input}
          values={values}
          onChange={setValues}
          onProblem={(path, problem) =>
            setProblems(now => withProblem(now, path, problem))
          }
          trans={trans}
        />
      )}
      {mode === 'raw' && (
        <TextEditor
          text={raw}
          contentType={contentType}
          onText={setRaw}
          onContentType={setContentType}
          trans={trans}
        />
      )}
      {mode === 'file' && (
        <FileEditor
          file={file}
          contentType={fileType}
          onFile={setFile}
          onContentType={setFileType}
          trans={trans}
        />
      )}
      <RevisionHeader
        context={context}
        value={revision}
        onChange={setRevision}
      />
      <div className="jp-mldeploy-Row">
        <TextButton
          look="accept"
          label={trans.__('Send')}
          title={trans.__('Ctrl+Enter')}
          keyshortcuts="Control+Enter"
          whyNot={whyNot}
          run={() => void send()}
        />
        <button
          type="button"
          className="jp-mldeploy-Button"
          onClick={() => begin(known)}
        >
          {trans.__('Reset to sample')}
        </button>
      </div>
      {refused && (
        <p className="jp-mldeploy-Field-error" role="alert">
          {refused}
        </p>
      )}
      <UseSignal signal={session.changed}>
        {() => {
          const exchange =
            session.history.find(item => item.number === shown) ??
            session.history[0];
          return (
            <>
              {exchange && <ResponseView exchange={exchange} trans={trans} />}
              <HistoryView
                history={session.history}
                shown={exchange?.number ?? null}
                onOpen={restore}
                trans={trans}
              />
            </>
          );
        }}
      </UseSignal>
      <CodeView
        client={client}
        name={context.name}
        body={body}
        headers={headers}
        insertCell={insertCell}
        trans={trans}
      />
      <details className="jp-mldeploy-Part">
        <summary>{trans.__('Burst: how long answers take')}</summary>
        <BurstView
          session={session}
          body={body}
          headers={headers}
          whyNot={whyNot}
          trans={trans}
        />
      </details>
      <LazyPart summary={trans.__('Profile: how much CPU and memory it needs')}>
        {() => <ProfileView context={context} session={session} body={body} />}
      </LazyPart>
      <LazyPart
        summary={trans.__('Recorded requests: which answers a change changes')}
      >
        {() => <ReplayView context={context} session={session} onOpen={open} />}
      </LazyPart>
      <details className="jp-mldeploy-Part">
        <summary>{trans.__('Edge cases: what the service refuses')}</summary>
        <EdgeView
          session={session}
          sample={sampleNow(mode, values, raw, known)}
          headers={headers}
          onOpen={open}
          whyNot={whyNot}
          trans={trans}
        />
      </details>
    </form>
  );
}

/** A part that asks the server for nothing until it is opened for the first time. */
function LazyPart(props: {
  summary: string;
  children(): JSX.Element;
}): JSX.Element {
  const [wasOpen, setWasOpen] = useState(false);
  return (
    <details
      className="jp-mldeploy-Part"
      onToggle={event => setWasOpen(wasOpen || event.currentTarget.open)}
    >
      <summary>{props.summary}</summary>
      {wasOpen && props.children()}
    </details>
  );
}

function withProblem(
  problems: Record<string, string>,
  path: string,
  problem: string | null
): Record<string, string> {
  const rest = Object.entries(problems).filter(([key]) => key !== path);
  return Object.fromEntries(
    problem === null ? rest : [...rest, [path, problem]]
  );
}
