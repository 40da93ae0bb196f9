import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId } from 'react';

import { readJson } from '../forms/values';

/** The body as a text, JSON or not. */
export function TextEditor(props: {
  text: string;
  contentType: string;
  onText(text: string): void;
  onContentType(type: string): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { text, contentType, trans } = props;
  const id = useId();
  const isJson = contentType.split(';')[0].trim() === 'application/json';
  const problem = isJson && text !== '' ? readJson(text, trans).error : null;
  return (
    <>
      <textarea
        className="jp-mod-styled jp-mldeploy-mono jp-mldeploy-Test-raw"
        aria-label={trans.__('Body of the request')}
        aria-invalid={problem ? true : undefined}
        aria-describedby={`${id}-wrong`}
        spellCheck={false}
        rows={Math.min(20, Math.max(6, text.split('\n').length))}
        value={text}
        onChange={event => props.onText(event.target.value)}
      />
      <p className="jp-mldeploy-Field-error" id={`${id}-wrong`} role="status">
        {problem &&
          trans.__('This is no JSON; it is sent as it stands. %1', problem)}
      </p>
      <ContentType
        value={contentType}
        options={['application/json', 'text/plain', 'text/csv']}
        onChange={props.onContentType}
        trans={trans}
      />
    </>
  );
}

/** A file as the body, byte for byte. */
export function FileEditor(props: {
  file: File | null;
  contentType: string;
  onFile(file: File | null): void;
  onContentType(type: string): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { file, contentType, trans } = props;
  return (
    <>
      <label className="jp-mldeploy-Field-label">
        {trans.__('File to send')}
        <input
          className="jp-mldeploy-Test-file"
          type="file"
          onChange={event => {
            const chosen = event.target.files?.[0] ?? null;
            props.onFile(chosen);
            props.onContentType(chosen?.type || 'application/octet-stream');
          }}
        />
      </label>
      {file && (
        <p className="jp-mldeploy-Field-about">
          {trans.__('%1, %2 bytes', file.name, file.size)}
        </p>
      )}
      <ContentType
        value={contentType}
        options={[
          'application/octet-stream',
          'image/png',
          'image/jpeg',
          'text/csv'
        ]}
        onChange={props.onContentType}
        trans={trans}
      />
    </>
  );
}

function ContentType(props: {
  value: string;
  options: string[];
  onChange(value: string): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  const id = useId();
  return (
    <>
      <label className="jp-mldeploy-Field-label" htmlFor={id}>
        {trans.__('Content type')}
      </label>
      <input
        id={id}
        className="jp-mod-styled"
        list={`${id}-options`}
        spellCheck={false}
        value={props.value}
        onChange={event => props.onChange(event.target.value)}
      />
      <datalist id={`${id}-options`}>
        {props.options.map(item => (
          <option key={item} value={item} />
        ))}
      </datalist>
    </>
  );
}
