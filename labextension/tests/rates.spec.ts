import { ServerConnection } from '@jupyterlab/services';

import type { IService } from '../src/api';
import { RequestRates } from '../src/rates';
import { until } from './until';

const service = { uid: 'u', proxy_uri: '/mldeploy/proxy/svc/' } as IService;
const metrics = (requests: number) =>
  `mldeploy_requests_total{route="score",method="POST",status="200"} ${requests}\n`;

describe('requests of a service', () => {
  /** The looks that wait for their answer; null is none. */
  let looks: ((requests: number | null) => void)[];
  let rates: RequestRates;

  beforeEach(() => {
    looks = [];
    jest.spyOn(ServerConnection, 'makeRequest').mockImplementation(
      () =>
        new Promise((resolve, reject) => {
          looks.push(requests =>
            requests === null
              ? reject(new TypeError('Failed to fetch'))
              : resolve({
                  ok: true,
                  text: () => Promise.resolve(metrics(requests))
                } as Response)
          );
        })
    );
    rates = new RequestRates(
      ServerConnection.makeSettings({ baseUrl: 'http://host/' })
    );
  });

  afterEach(() => {
    rates.dispose();
    jest.restoreAllMocks();
  });

  const seen = () => rates.of('u').map(({ requests }) => requests);

  it('are looked at once at a time, so that no older count comes after a newer one', async () => {
    const first = rates.watch(service);
    first.dispose();
    rates.watch(service);
    expect(looks).toHaveLength(1);
    let heard = 0;
    rates.changed.connect(() => {
      heard += 1;
    });
    looks[0](7);
    await until(() => heard > 0, 'the first count is there');
    expect(seen()).toEqual([]);
    await until(() => looks.length > 1, 'it looks again');
    looks[1](9);
    await until(() => heard > 1, 'the second count is there');
    expect(seen()).toEqual([2]);
  });

  it('are counted soon, also when the first look has failed', async () => {
    jest.useFakeTimers();
    rates.watch(service);
    looks[0](null);
    await jest.advanceTimersByTimeAsync(1100);
    expect(looks).toHaveLength(2);
    jest.useRealTimers();
  });
});
