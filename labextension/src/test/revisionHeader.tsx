import type { JSONObject } from '@lumino/coreutils';
import React, { useEffect, useId, useState } from 'react';

import type { IServiceTabContext } from '../tokens';
import { DEPLOYMENT_HEADER } from './session';

/** Ask one named revision, where the service's target splits traffic; elsewhere it says why not. */
export function RevisionHeader(props: {
  context: IServiceTabContext;
  value: string;
  onChange(value: string): void;
}): JSX.Element {
  const { context, value, onChange } = props;
  const { client, services, trans } = context.deployments;
  const id = useId();
  const [reason, setReason] = useState<string | null>(
    trans.__('not known yet')
  );
  const [names, setNames] = useState<string[]>([]);
  const [opened, setOpened] = useState(0);
  useEffect(() => {
    let stopped = false;
    const look = async (): Promise<void> => {
      const target = services.find(context.name)?.target;
      if (target === undefined) {
        return;
      }
      const { capabilities } = await client.target(target);
      const whyNot = (capabilities?.why_not ?? {}) as JSONObject;
      const versions = capabilities?.traffic_split
        ? (await client.traffic(context.name)).versions
        : [];
      if (!stopped) {
        setReason(
          capabilities?.traffic_split
            ? null
            : String(
                whyNot.traffic_split ??
                  trans.__('its target does not split traffic')
              )
        );
        setNames(versions.map(item => item.name));
      }
    };
    look().catch(() => undefined); // the field stays off; the panel itself says what is wrong with the service
    return () => {
      stopped = true;
    };
  }, [context.uid, opened]); // versions come and go while the panel is open
  return (
    <details
      className="jp-mldeploy-Part"
      onToggle={() => setOpened(now => now + 1)}
    >
      <summary>
        {trans.__('Ask one revision')}
        {value && `: ${value}`}
      </summary>
      <label className="jp-mldeploy-Field-label" htmlFor={id}>
        {trans.__('Version, sent as the header %1', DEPLOYMENT_HEADER)}
      </label>
      <input
        id={id}
        className="jp-mod-styled"
        list={`${id}-names`}
        disabled={reason !== null}
        aria-describedby={`${id}-why`}
        value={value}
        onChange={event => onChange(event.target.value.trim())}
      />
      <datalist id={`${id}-names`}>
        {names.map(name => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <p className="jp-mldeploy-Field-about" id={`${id}-why`}>
        {reason === null
          ? names.length > 0
            ? trans.__(
                'Left empty, the traffic weights decide. There are: %1.',
                names.join(', ')
              )
            : trans.__(
                'One revision gets all requests; the Traffic tab adds another version.'
              )
          : trans.__('Not possible here: %1.', reason)}
      </p>
    </details>
  );
}
