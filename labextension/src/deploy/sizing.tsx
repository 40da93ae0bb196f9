import type { JSONObject } from '@lumino/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import { type ApiClient, describe } from '../api';
import { TextButton } from '../ui/buttons';
import { NumberInput } from '../ui/numbers';

/** How many replicas a load needs, by the server's formula; the figure can be taken over. */
export function SizingView(props: {
  client: ApiClient;
  target: string;
  /** The configuration as it stands in the form. */
  config(): JSONObject;
  /** Take the figure over. */
  onUse(replicas: number): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { client, trans } = props;
  const [rps, setRps] = useState('10');
  const [latency, setLatency] = useState('100');
  const [said, setSaid] = useState('');
  const [replicas, setReplicas] = useState<number | null>(null);
  const work = async (): Promise<void> => {
    setReplicas(null);
    try {
      const found = await client.sizing(props.target, {
        rps: Number(rps),
        latency_s: Number(latency) / 1000,
        config: props.config()
      });
      setSaid(found.text);
      setReplicas(found.replicas);
    } catch (error) {
      setSaid(describe(error));
    }
  };
  return (
    <details className="jp-mldeploy-Part">
      <summary>{trans.__('How many replicas?')}</summary>
      <div className="jp-mldeploy-Row">
        <NumberInput
          label={trans.__('Requests per second')}
          min={0}
          step="any"
          value={rps}
          onChange={setRps}
        />
        <NumberInput
          label={trans.__('Time of one (ms)')}
          min={0}
          step="any"
          value={latency}
          onChange={setLatency}
        />
        <TextButton label={trans.__('Work it out')} run={() => void work()} />
        {replicas !== null && (
          <TextButton
            look="accept"
            label={trans._n('Use %1 replica', 'Use %1 replicas', replicas)}
            run={() => props.onUse(replicas)}
          />
        )}
      </div>
      <p role="status">{said}</p>
    </details>
  );
}
