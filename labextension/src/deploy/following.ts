import { useEffect, useLayoutEffect, useRef, useState } from 'react';

import {
  describe,
  type IOperation,
  type IOperationInFull,
  isAway
} from '../api';
import type { IDeployments } from '../tokens';

/** A deployment that was begun, to its end. */
export interface IFollowed {
  operation: IOperation | null;
  ended: IOperationInFull | null;
  problems: string[];
  /** It is begun, or goes on: nothing else can be begun. */
  isBusy: boolean;
  /**
   * Begin what `start` asks the server for, and follow it; what ended before is shown no more. A second press, before
   * the first has changed what is on the screen, begins nothing and is told by `false`. Rejects as `start` does.
   */
  begin(start: () => Promise<IOperation>): Promise<boolean>;
  /** Follow another one; null for none. */
  follow(operation: IOperation | null): void;
}

/**
 * Follow a deployment by the stream, and find it again when the connection was lost: a server that was started again
 * knows what became of the work that its predecessor did not finish.
 */
export function useOperation(
  deployments: IDeployments,
  onDone: (name: string) => void
): IFollowed {
  const { client, services, stream } = deployments;
  const [operation, setOperation] = useState<IOperation | null>(null);
  const [ended, setEnded] = useState<IOperationInFull | null>(null);
  const [problems, setProblems] = useState<string[]>([]);
  const [isStarting, setIsStarting] = useState(false);
  const [turn, setTurn] = useState(0);
  const taken = useRef(false);
  const id = operation?.id;
  const running = operation !== null && ended === null;

  useEffect(() => {
    if (id === undefined || !running) {
      return;
    }
    const watch = stream.operations({
      onMessage: operations => {
        const now = operations.find(item => item.id === id);
        if (now) {
          setOperation(known =>
            known?.id === id && now.version > known.version ? now : known
          );
        }
      }
    });
    const onConnection = (_: unknown, connected: boolean): void => {
      if (connected) {
        void find();
      }
    };
    let gone = false;
    const find = async (): Promise<void> => {
      try {
        const now = await client.operation(id);
        if (!gone) {
          // Whatever the stream has told meanwhile is newer. Versions do not tell: a server that was started again
          // counts anew.
          setOperation(known =>
            known?.id === id &&
            known.state !== 'running' &&
            now.state === 'running'
              ? known
              : now
          );
        }
      } catch (error) {
        // While it is away, the next connection asks again.
        if (!gone && !isAway(error)) {
          setOperation(null);
          setProblems([describe(error)]);
          await services.refresh();
        }
      }
    };
    stream.connectionChanged.connect(onConnection);
    return () => {
      gone = true;
      watch.dispose();
      stream.connectionChanged.disconnect(onConnection);
    };
  }, [id, running]);

  // By the id too: of two that failed at once, one after the other, the state is the same.
  useEffect(() => {
    if (operation === null || operation.state === 'running' || ended !== null) {
      return;
    }
    let gone = false;
    client
      .operation(operation.id)
      .then(found => {
        if (!gone) {
          setEnded(found);
          if (found.state === 'succeeded') {
            onDone(found.service);
          }
        }
      })
      .catch(error => {
        if (!gone) {
          setProblems([describe(error)]);
        }
      });
    return () => {
      gone = true;
    };
  }, [id, operation?.state]);

  // Free again not before the screen says what became of the start.
  useLayoutEffect(() => {
    taken.current = false;
  }, [turn]);

  const follow = (next: IOperation | null): void => {
    setOperation(next);
    setEnded(null);
    setProblems([]);
  };
  return {
    operation,
    ended,
    problems,
    isBusy: isStarting || running,
    begin: async start => {
      if (taken.current || isStarting || running) {
        return false;
      }
      taken.current = true;
      setIsStarting(true);
      follow(null);
      try {
        follow(await start());
      } finally {
        setIsStarting(false);
        setTurn(now => now + 1);
      }
      return true;
    },
    follow
  };
}
