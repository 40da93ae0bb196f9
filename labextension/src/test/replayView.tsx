import React, { useEffect, useId, useState } from 'react';

import { describe, type IRecording, type IRecordingRequest } from '../api';
import { type IFollowed, useOperation } from '../deploy/following';
import { lastOperation } from '../deploy/last';
import { ProgressView, Unsuccessful } from '../deploy/progress';
import type { IServiceTabContext } from '../tokens';
import { TextButton } from '../ui/buttons';
import { useSignal, useWhyNot } from '../ui/hooks';
import { NumberInput } from '../ui/numbers';
import {
  draftOf,
  type IRecordingDraft,
  noRecording,
  readRecording,
  readTolerance,
  recordingText
} from './replay';
import { ReplayResult } from './replayResult';
import type { TestSession } from './session';

/**
 * Pauses before asking again: the service writes down what it answered after the answer, and at its leisure. All of them,
 * also when there are more lines than before: they may be those of earlier answers.
 */
const LATER_MS = [300, 700, 2000, 5000, 15000, 30000];

/** The requests that the service records, and the same ones sent again: which answers are others now. */
export function ReplayView(props: {
  context: IServiceTabContext;
  session: TestSession;
  /** Show a request in the editor. */
  onOpen(body: string): void;
}): JSX.Element {
  const { context, session } = props;
  const { deployments, name, uid } = context;
  const { client, services, trans } = deployments;
  const [isKnown, setIsKnown] = useState(false);
  const [refused, setRefused] = useState('');
  const change = useOperation(deployments, () => undefined);
  const replay = useOperation(deployments, () => undefined);

  useEffect(() => {
    let gone = false;
    const load = async (): Promise<void> => {
      try {
        const operations = await client.operations();
        if (gone) {
          return;
        }
        // The work is the server's: what was begun before the tab was closed is found again.
        const since = services.find(name, uid)?.created ?? 0;
        const last = lastOperation(operations, 'record', name, since);
        change.follow(last?.state === 'running' ? last : null);
        replay.follow(lastOperation(operations, 'replay', name, since));
      } catch (error) {
        if (!gone) {
          setRefused(describe(error));
        }
      }
      if (!gone) {
        setIsKnown(true);
      }
    };
    void load();
    return () => {
      gone = true;
    };
  }, []);

  const isBusy = !isKnown || change.isBusy || replay.isBusy;
  return (
    <section
      className="jp-mldeploy-Section"
      aria-label={trans.__('Recorded requests')}
    >
      <RecordingPart
        context={context}
        session={session}
        work={change}
        isBusy={isBusy}
      />
      <ReplayPart
        context={context}
        work={replay}
        isBusy={isBusy}
        onOpen={props.onOpen}
      />
      <Problems texts={[refused]} />
    </section>
  );
}

/** What is recorded now; it is switched on and off. */
function RecordingPart(props: {
  context: IServiceTabContext;
  session: TestSession;
  work: IFollowed;
  isBusy: boolean;
}): JSX.Element {
  const { session, work, isBusy } = props;
  const { deployments, name, uid } = props.context;
  const { client, services, trans } = deployments;
  const [now, setNow] = useState<IRecording | null>(null);
  const [unread, setUnread] = useState('');
  const [asked, setAsked] = useState(0);
  const [typed, setTyped] = useState<IRecordingDraft | null>(null);
  const [refused, setRefused] = useState('');
  const mayNotChange = useWhyNot(deployments, 'write', 'services');
  const mayNotSee = useWhyNot(deployments, 'read', 'logs');
  useSignal(session.changed);
  useSignal(services.changed);
  const about = useId();

  // Whoever brings a new revision may change what is recorded, and every answer of this tab may be one more of them.
  const revision = services.find(name, uid)?.revision;
  const answered = now?.rate
    ? session.history.find(item => !item.pending)?.number
    : undefined;
  const { ended } = work;
  useEffect(() => {
    if (mayNotSee !== null) {
      setNow(null);
      return;
    }
    let gone = false;
    let timer = 0;
    const look = async (pauses: readonly number[]): Promise<void> => {
      try {
        const found = await client.recording(name);
        if (!gone) {
          setNow(found);
          setUnread('');
        }
      } catch (error) {
        if (!gone) {
          setUnread(describe(error));
        }
      }
      const [pause, ...others] = pauses;
      if (!gone && pause !== undefined) {
        timer = window.setTimeout(() => void look(others), pause);
      }
    };
    void look(answered === undefined ? [] : LATER_MS);
    return () => {
      gone = true;
      window.clearTimeout(timer);
    };
  }, [name, mayNotSee, revision, answered, ended?.id, asked]);
  useEffect(() => {
    if (ended?.state === 'succeeded') {
      setTyped(null);
    }
  }, [ended?.id]);

  const draft = typed ?? draftOf(now);
  const begin = async (request: IRecordingRequest | string): Promise<void> => {
    if (typeof request === 'string') {
      setRefused(request);
      return;
    }
    setRefused('');
    try {
      await work.begin(() => client.record(name, request));
    } catch (error) {
      setRefused(describe(error));
    }
  };
  const disabled = mayNotChange !== null || isBusy;

  return (
    <>
      <p role="status">
        {now !== null
          ? recordingText(now, trans)
          : (mayNotSee ?? (unread ? '' : trans.__('Reading the log …')))}
      </p>
      <div className="jp-mldeploy-Row">
        <NumberInput
          label={trans.__('Share (percent)')}
          min={0}
          max={100}
          step="any"
          value={draft.share}
          disabled={disabled}
          onChange={share => setTyped({ ...draft, share })}
        />
        <label>
          {trans.__('Fields to leave out')}{' '}
          <input
            className="jp-mod-styled jp-mldeploy-middle"
            placeholder={trans.__('name, address')}
            spellCheck={false}
            value={draft.deny}
            disabled={disabled}
            aria-describedby={about}
            onChange={event => setTyped({ ...draft, deny: event.target.value })}
          />
        </label>
        <TextButton
          label={
            now?.rate
              ? trans.__('Change recording')
              : trans.__('Start recording')
          }
          whyNot={mayNotChange}
          disabled={isBusy}
          run={() => void begin(readRecording(draft, now, trans))}
        />
        <TextButton
          label={trans.__('Stop recording')}
          whyNot={
            mayNotChange ??
            (now?.rate === 0
              ? trans.__('The service records none of its requests.')
              : null)
          }
          disabled={isBusy}
          run={() => void begin(noRecording(now))}
        />
        <TextButton
          label={trans.__('Count again')}
          whyNot={mayNotSee}
          run={() => setAsked(asked + 1)}
        />
      </div>
      <p className="jp-mldeploy-Field-about" id={about}>
        {trans.__(
          'Each of these is an update with the same bytes: a new revision with another setting. Requests and answers in JSON become lines of the service’s own log; fields left out stand there as ***, wherever they are, and are sent again as such.'
        )}
      </p>
      {mayNotChange && (
        <p className="jp-mldeploy-Field-about">{mayNotChange}</p>
      )}
      <Problems texts={[refused, unread, ...work.problems]} />
      <Work
        context={props.context}
        work={work}
        cancelLabel={trans.__('Cancel the change')}
        cancelled={trans.__('The change was cancelled.')}
        failed={trans.__('The recording could not be changed.')}
      />
    </>
  );
}

/** The recorded requests, sent again. */
function ReplayPart(props: {
  context: IServiceTabContext;
  work: IFollowed;
  isBusy: boolean;
  onOpen(body: string): void;
}): JSX.Element {
  const { context, work, isBusy } = props;
  const { deployments, name } = context;
  const { client, trans } = deployments;
  const [tolerance, setTolerance] = useState('0');
  const [refused, setRefused] = useState('');
  const mayNotSend = useWhyNot(deployments, 'execute', 'invoke');
  const mayNotSee = useWhyNot(deployments, 'read', 'logs');
  const whyNot = mayNotSend ?? mayNotSee;
  const about = useId();

  const start = async (): Promise<void> => {
    const value = readTolerance(tolerance, trans);
    if (typeof value === 'string') {
      setRefused(value);
      return;
    }
    setRefused('');
    try {
      await work.begin(() => client.replay(name, { tolerance: value }));
    } catch (error) {
      setRefused(describe(error));
    }
  };

  return (
    <>
      <div className="jp-mldeploy-Row" role="group" aria-describedby={about}>
        <NumberInput
          label={trans.__('Tolerance')}
          min={0}
          step="any"
          value={tolerance}
          disabled={whyNot !== null || isBusy}
          onChange={setTolerance}
        />
        <TextButton
          label={trans.__('Replay')}
          whyNot={whyNot}
          disabled={isBusy}
          run={() => void start()}
        />
      </div>
      <p className="jp-mldeploy-Field-about" id={about}>
        {trans.__(
          'A replay sends the recorded requests again, to what is served now, and compares the answers. The tolerance is a relative difference of two numbers that counts as none: 0.001 is a thousandth.'
        )}
      </p>
      {whyNot && <p className="jp-mldeploy-Field-about">{whyNot}</p>}
      <Problems texts={[refused, ...work.problems]} />
      <Work
        context={context}
        work={work}
        cancelLabel={trans.__('Cancel the replay')}
        cancelled={trans.__('The replay was cancelled.')}
        failed={trans.__('The replay failed.')}
      />
      {work.ended?.state === 'succeeded' && (
        <ReplayResult
          key={work.ended.id}
          client={client}
          id={work.ended.id}
          onOpen={props.onOpen}
          trans={trans}
        />
      )}
    </>
  );
}

/** Long work while it runs, and why it did not succeed. */
function Work(props: {
  context: IServiceTabContext;
  work: IFollowed;
  cancelLabel: string;
  cancelled: string;
  failed: string;
}): JSX.Element | null {
  const { work } = props;
  const { deployments } = props.context;
  if (work.ended !== null) {
    return work.ended.state === 'succeeded' ? null : (
      <Unsuccessful
        ended={work.ended}
        cancelled={props.cancelled}
        failed={props.failed}
      />
    );
  }
  return work.operation === null ? null : (
    <ProgressView
      deployments={deployments}
      operation={work.operation}
      cancelLabel={props.cancelLabel}
      trans={deployments.trans}
    />
  );
}

function Problems(props: { texts: readonly string[] }): JSX.Element {
  return (
    <>
      {props.texts.filter(Boolean).map(text => (
        <p key={text} className="jp-mldeploy-Field-error" role="alert">
          {text}
        </p>
      ))}
    </>
  );
}
