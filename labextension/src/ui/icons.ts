import { LabIcon } from '@jupyterlab/ui-components';

/** A shape for each state, so that no state is told by colour alone; drawn on 16 × 16. */
function shape(name: string, body: string): LabIcon {
  return new LabIcon({
    name: `jupyter-mldeploy:${name}`,
    svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16">${body}</svg>`
  });
}

const mark = (path: string) =>
  `<path d="${path}" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>`;

export const goodIcon = shape(
  'good',
  `<circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6"/>${mark('M5.2 8.2 7.2 10.2 10.9 6')}`
);

export const badIcon = shape(
  'bad',
  `<path d="M8 1.8 14.8 13.8H1.2Z" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linejoin="round"/>${mark('M8 6.4V9.4M8 11.7V11.75')}`
);

export const busyIcon = shape(
  'busy',
  `<circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6" stroke-dasharray="3 2.5"/>${mark('M8 5V8.2L10 9.6')}`
);

export const idleIcon = shape(
  'idle',
  `<circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6"/><rect x="5.6" y="5.6" width="4.8" height="4.8" rx="0.6" fill="currentColor"/>`
);

/** The extension's own: a rocket. */
export const deployIcon = new LabIcon({
  name: 'jupyter-mldeploy:deploy',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M20.9 3.1c-4.7-.6-8.6.8-11.2 4.1l-.5.7-3-.3c-.5 0-1 .2-1.300.6L2.300 11.900l4.100.8 4.900 4.900.8 4.100 3.700-2.600c.4-.3.6-.8.6-1.300l-.3-3 .7-.5c3.300-2.600 4.700-6.500 4.100-11.200Zm-5.200 9.900-2.700 2.100-4.100-4.100 2.100-2.700c1.900-2.500 4.600-3.700 8-3.500.2 3.400-.9 6.200-3.300 8.200Z"/>
    <circle cx="14.600" cy="9.400" r="1.800"/>
    <path d="M5.900 15.200c-1.600.6-2.600 2.600-2.900 5.800 3.200-.3 5.200-1.300 5.800-2.900l-1.300-1.600Z"/>
  </g>
</svg>`
});
