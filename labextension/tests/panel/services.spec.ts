import type { IService } from '../../src/api';
import { requestBody } from '../../src/panel/requestbody';
import { matching } from '../../src/panel/matching';
import { windowed } from '../../src/panel/windowing';

const service = (name: string, more: Partial<IService> = {}) =>
  ({ name, target: 'local', state: 'Healthy', tags: {}, ...more }) as IService;

describe('matching', () => {
  const all = [
    service('alpha'),
    service('beta', { target: 'docker', tags: { team: 'risk' } }),
    service('gamma', { state: 'Failed' })
  ];
  const names = (filter: string) =>
    matching(all, filter).map(item => item.name);

  it('finds by name, target, state and tag, all words together', () => {
    expect(names('')).toHaveLength(3);
    expect(names('LPH')).toEqual(['alpha']);
    expect(names('docker team=risk')).toEqual(['beta']);
    expect(names('failed')).toEqual(['gamma']);
    expect(names('failed alpha')).toEqual([]);
  });
});

describe('windowed', () => {
  it('keeps what is in sight and little more, however many there are', () => {
    const [first, last] = windowed(32000, 640, 64, 1000);
    expect(first).toBeLessThanOrEqual(500);
    expect(last).toBeGreaterThanOrEqual(510);
    expect(last - first).toBeLessThan(40);
    expect(windowed(0, 640, 64, 3)).toEqual([0, 3]);
    expect(windowed(99999, 640, 64, 3)).toEqual([3, 3]);
  });
});

describe('requestBody', () => {
  it('follows the reference to the schema and finds the sample', () => {
    const document = {
      paths: {
        '/': { get: {} },
        '/score': {
          post: {
            requestBody: {
              content: {
                'application/json': {
                  schema: { $ref: '#/components/schemas/In' }
                }
              }
            }
          }
        }
      },
      components: {
        schemas: { In: { type: 'object', example: { data: [1] } } }
      }
    };
    expect(requestBody(document)).toEqual({
      schema: { type: 'object', example: { data: [1] } },
      example: { data: [1] }
    });
    expect(requestBody({ paths: {} })).toBeUndefined();
  });
});
