import { Signal } from '@lumino/signaling';
import * as React from 'react';
import { createRoot } from 'react-dom/client';

import { useSignal } from '../../src/ui/hooks';
import { until } from '../until';

describe('a component that follows a signal', () => {
  it('misses nothing from the moment when it stands in the document', async () => {
    const source = { count: 0 };
    const changed = new Signal<typeof source, void>(source);
    const Count = () => {
      useSignal(changed);
      return React.createElement('p', null, String(source.count));
    };
    const host = document.createElement('div');
    const shown: (string | null)[] = [];
    // Runs in the very task that has put the component into the document.
    new MutationObserver(() => {
      shown.push(host.textContent);
      if (source.count === 0) {
        source.count = 1;
        changed.emit();
      }
    }).observe(host, { childList: true, subtree: true, characterData: true });
    const root = createRoot(host);
    root.render(React.createElement(Count));
    await until(() => shown.length > 1, 'the change is shown');
    expect(shown).toEqual(['0', '1']);
    root.unmount();
  });
});
