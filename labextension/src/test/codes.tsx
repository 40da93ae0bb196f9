import { Clipboard } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import type { ApiClient, ICode } from '../api';
import { describe } from '../api';
import type { Body } from './session';

/** Copy the request in the editor as code, or put it into the notebook. */
export function CodeView(props: {
  client: ApiClient;
  name: string;
  /** Return what to write code for; null when it cannot be sent. */
  body(): Body | null;
  headers: Record<string, string>;
  /** Put code into the notebook that is open; undefined where there are no notebooks. */
  insertCell?: (code: string) => string | null;
  trans: TranslationBundle;
}): JSX.Element {
  const { client, name, headers, insertCell, trans } = props;
  const [through, setThrough] = useState(false);
  const [said, setSaid] = useState('');

  const codes = async (): Promise<ICode[] | null> => {
    const body = props.body();
    if (body === null) {
      return null;
    }
    try {
      return await client.codeFor(name, {
        ...(body.kind === 'text' && { text: body.text }),
        content_type: body.contentType,
        headers,
        ...(through && { jupyter_url: jupyterUrl(client) })
      });
    } catch (error) {
      setSaid(describe(error));
      return null;
    }
  };

  const copy = async (label: string): Promise<void> => {
    const code = (await codes())?.find(item => item.label === label);
    if (code) {
      Clipboard.copyToSystem(code.text);
      setSaid(trans.__('Copied as %1.', label));
    }
  };

  const insert = async (): Promise<void> => {
    const code = (await codes())?.find(item => item.label === 'Python');
    if (code && insertCell) {
      setSaid(
        insertCell(code.text) ??
          trans.__('A cell was added below the active one.')
      );
    }
  };

  return (
    <section className="jp-mldeploy-Section" aria-label={trans.__('Code')}>
      <div className="jp-mldeploy-Row">
        <span>{trans.__('Copy as')}</span>
        {['curl', 'Python', 'C#'].map(label => (
          <button
            key={label}
            type="button"
            className="jp-mldeploy-Button jp-mod-small"
            onClick={() => void copy(label)}
          >
            {label}
          </button>
        ))}
        {insertCell && (
          <button
            type="button"
            className="jp-mldeploy-Button jp-mod-small"
            onClick={() => void insert()}
          >
            {trans.__('Insert as cell')}
          </button>
        )}
        <label
          title={trans.__(
            'For where only the Jupyter server can be reached, as behind JupyterHub.'
          )}
        >
          <input
            type="checkbox"
            checked={through}
            onChange={event => setThrough(event.target.checked)}
          />{' '}
          {trans.__('through Jupyter')}
        </label>
      </div>
      <p className="jp-mldeploy-Field-about" role="status">
        {said}
      </p>
    </section>
  );
}

function jupyterUrl(client: ApiClient): string {
  return new URL(client.settings.baseUrl, window.location.href).href;
}
