import { addIcon, refreshIcon, searchIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import type { IService } from '../api';
import { CommandIDs } from '../commands/ids';
import type { IDeployments } from '../tokens';
import { useNow, useSignal, useWhyNot } from '../ui/hooks';
import { IconButton } from '../ui/buttons';
import { matching } from './matching';
import { ServiceRow } from './row';
import { windowed } from './windowing';

/** Pixels of a row, as in the style sheet: only the rows in sight are in the page, however many services there are. */
export const ROW_HEIGHT = 64;

/** Code, which is the same in every language. */
const EXAMPLE = '%%deploy my-model';

/** All services, found by a filter, walked by arrow keys. */
export function Services(props: {
  deployments: IDeployments;
  commands: CommandRegistry;
}): JSX.Element {
  const { deployments, commands } = props;
  const { services: store, trans } = deployments;
  useSignal(store.changed);
  const whyNot = useWhyNot(deployments, 'write', 'services');
  const now = useNow(15);
  const [filter, setFilter] = React.useState('');
  const [active, setActive] = React.useState<string | null>(null);
  const scroller = React.useRef<HTMLDivElement>(null);
  const [view, setView] = React.useState({ top: 0, height: 600 });

  const shown = React.useMemo(
    () => matching(store.services, filter),
    [store.services, filter]
  );
  const index = Math.max(
    0,
    shown.findIndex(item => item.name === active)
  );

  React.useLayoutEffect(() => {
    const node = scroller.current;
    if (node === null) {
      return;
    }
    const measure = () =>
      setView({ top: node.scrollTop, height: node.clientHeight || 600 });
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    node.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      node.removeEventListener('scroll', measure);
    };
  }, [shown.length > 0]);

  /** Make a row the active one, bring it into sight and give it the focus. */
  const go = (to: number) => {
    const wanted = Math.min(Math.max(to, 0), shown.length - 1);
    const node = scroller.current;
    if (node === null || wanted < 0) {
      return;
    }
    setActive(shown[wanted].name);
    const top = wanted * ROW_HEIGHT;
    if (top < node.scrollTop) {
      node.scrollTop = top;
    } else if (top + ROW_HEIGHT > node.scrollTop + node.clientHeight) {
      node.scrollTop = top + ROW_HEIGHT - node.clientHeight;
    }
    setView({ top: node.scrollTop, height: node.clientHeight || 600 });
    window.requestAnimationFrame(() =>
      node
        .querySelector<HTMLElement>(`[aria-rowindex="${wanted + 1}"]`)
        ?.focus()
    );
  };

  const onKeyDown = (event: React.KeyboardEvent) => {
    const page = Math.max(1, Math.floor(view.height / ROW_HEIGHT) - 1);
    const steps: Record<string, number> = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      PageDown: index + page,
      PageUp: index - page,
      Home: 0,
      End: shown.length - 1
    };
    if (event.key in steps) {
      event.preventDefault();
      go(steps[event.key]);
    } else if ((event.target as HTMLElement).getAttribute('role') === 'row') {
      const name = shown[index]?.name;
      if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault();
        void commands.execute(CommandIDs.open, { name });
      } else if (event.key === 'Delete') {
        event.preventDefault();
        void commands.execute(CommandIDs.delete, { name });
      }
    }
  };

  const [first, last] = windowed(
    view.top,
    view.height,
    ROW_HEIGHT,
    shown.length
  );
  return (
    <>
      <div className="jp-mldeploy-ListHeader">
        <h2>{trans.__('Deployments')}</h2>
        <IconButton
          icon={refreshIcon}
          label={trans.__('Refresh')}
          run={() => void commands.execute(CommandIDs.refresh)}
        />
        {commands.isVisible(CommandIDs.deploy) && (
          <IconButton
            icon={addIcon}
            label={commands.label(CommandIDs.deploy)}
            run={() => void commands.execute(CommandIDs.deploy)}
          />
        )}
      </div>
      <div className="jp-mldeploy-Filter">
        <searchIcon.react tag="span" aria-hidden="true" />
        <input
          type="search"
          className="jp-mldeploy-Input"
          aria-label={trans.__('Filter by name, target, state or tag')}
          placeholder={trans.__('Filter services')}
          value={filter}
          onChange={event => setFilter(event.target.value)}
          onKeyDown={event => {
            if (event.key === 'ArrowDown') {
              event.preventDefault();
              go(0);
            }
          }}
        />
      </div>
      <p className="jp-mldeploy-Count" role="status">
        {summary(store.services, shown, store.isReady, trans)}
      </p>
      {store.error !== null && (
        <p className="jp-mldeploy-Problem" role="alert">
          {store.error.message} {store.error.hint}
        </p>
      )}
      {store.isReady && store.services.length === 0 && (
        <div className="jp-mldeploy-Empty">
          <p>{trans.__('Nothing is deployed yet.')}</p>
          <p>
            {trans.__(
              'Write init() and run() into a notebook cell, begin it with'
            )}
          </p>
          <pre>{EXAMPLE}</pre>
          <p>
            {trans.__(
              'and run it: it is a live endpoint about a second later.'
            )}
          </p>
        </div>
      )}
      {shown.length > 0 && (
        <div
          className="jp-mldeploy-Rows"
          role="grid"
          aria-label={trans.__('Services')}
          aria-rowcount={shown.length}
          ref={scroller}
          onKeyDown={onKeyDown}
        >
          <div role="presentation" style={{ height: first * ROW_HEIGHT }} />
          {shown.slice(first, last).map((service, offset) => (
            <ServiceRow
              key={service.uid}
              service={service}
              operation={store.running(service.name)}
              row={first + offset + 1}
              isActive={first + offset === index}
              now={now}
              trans={trans}
              commands={commands}
              whyNot={whyNot}
              onFocus={() => setActive(service.name)}
            />
          ))}
          <div
            role="presentation"
            style={{ height: (shown.length - last) * ROW_HEIGHT }}
          />
        </div>
      )}
    </>
  );
}

function summary(
  all: readonly IService[],
  shown: readonly IService[],
  isReady: boolean,
  trans: IDeployments['trans']
): string {
  if (!isReady) {
    return trans.__('Loading…');
  }
  if (shown.length < all.length) {
    return trans.__('%1 of %2 services', shown.length, all.length);
  }
  return all.length === 0
    ? ''
    : trans._n('%1 service', '%1 services', all.length);
}
