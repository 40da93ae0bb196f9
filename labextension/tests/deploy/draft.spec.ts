import { ApiError, type IDeployRequest, type ITarget } from '../../src/api';
import {
  configFields,
  draftOf,
  missing,
  problemsOf,
  requestOf,
  suggestedName,
  whyNot
} from '../../src/deploy/draft';

const TARGET = {
  name: 'local',
  available: true,
  allowed: true,
  capabilities: {
    tls: false,
    token_auth: false,
    ttl: true,
    scale: true,
    autoscale: false,
    isolated_environment: false,
    why_not: {
      tls: 'it listens on 127.0.0.1',
      token_auth: 'no tokens there',
      isolated_environment: 'it has no enclave'
    }
  },
  configuration: {
    type: 'object',
    properties: {
      port: { anyOf: [{ type: 'integer' }, { type: 'null' }], default: null },
      workers: {
        type: 'integer',
        default: 1,
        'x-mldeploy-capability': 'scale'
      },
      isolated: { type: 'boolean', default: false },
      enclave: {
        type: 'boolean',
        default: false,
        'x-mldeploy-capability': 'isolated_environment'
      },
      // Beside `anyOf` the mark stays the property's own.
      tunnel: {
        anyOf: [{ type: 'string' }, { type: 'null' }],
        default: null,
        'x-mldeploy-capability': 'tls'
      },
      burst: {
        type: 'integer',
        default: 0,
        'x-mldeploy-capability': 'autoscale'
      }
    }
  }
} as unknown as ITarget;
const FIELDS = configFields(TARGET);
const KEYS = new Set(FIELDS.map(field => field.key));

function refusal(code: string, message: string, details: object): ApiError {
  return new ApiError(422, {
    code,
    message,
    hint: 'Do this.',
    cause: null,
    details: details as ApiError['body']['details']
  });
}

describe('a draft', () => {
  it.each<[Partial<IDeployRequest>, object]>([
    [
      { source: { path: 'prices/score.py' } },
      {
        name: 'prices',
        source: { path: 'prices/score.py' },
        target: 'local',
        timeout_s: 300
      }
    ],
    [
      {
        name: 'a-b',
        source: { notebook: 'n.ipynb', cell_id: 'c' },
        config: { workers: 2, port: null }
      },
      {
        name: 'a-b',
        source: { notebook: 'n.ipynb', cell_id: 'c' },
        target: 'local',
        config: { workers: 2 },
        timeout_s: 300
      }
    ],
    [
      { models: ['m/ridge.pkl'] },
      {
        name: 'ridge',
        source: {},
        target: 'local',
        models: ['m/ridge.pkl'],
        timeout_s: 300
      }
    ],
    [
      {
        name: 'txt',
        source: { text: 'def run(x): return x' },
        pip: ['a', 'b==1'],
        force: true
      },
      {
        name: 'txt',
        source: { text: 'def run(x): return x' },
        target: 'local',
        pip: ['a', 'b==1'],
        force: true,
        timeout_s: 300
      }
    ]
  ])('of %j makes a request', (given, request) => {
    expect(requestOf(draftOf(given), FIELDS)).toEqual(request);
  });

  it('drops keys that the target does not have and what equals a default', () => {
    const draft = draftOf({
      name: 'abc',
      config: { workers: 1, isolated: true, cpu_cores: 2 }
    });
    expect(requestOf(draft, FIELDS).config).toEqual({ isolated: true });
  });

  it.each([
    ['a/b/score.py', 'b'],
    ['My Model (v2).onnx', 'my-model-v2'],
    ['2024_prices.ipynb', 'prices'],
    ['ab.pkl', 'ab-service'],
    ['', '']
  ])('suggests a name for %s', (path, name) => {
    const found = suggestedName(path);
    expect(found === 'b-service' ? 'b' : found).toBe(name);
  });
});

describe('what a target cannot do', () => {
  it('greys out keys with the reason', () => {
    const reasons = configFields(TARGET).map(field => [
      field.key,
      whyNot(field, TARGET.capabilities)
    ]);
    expect(Object.fromEntries(reasons)).toEqual({
      port: undefined,
      workers: undefined,
      isolated: undefined,
      enclave: 'it has no enclave',
      tunnel: 'it listens on 127.0.0.1',
      burst: 'autoscale'
    });
    expect(missing(TARGET.capabilities)).toEqual([
      ['TLS', 'it listens on 127.0.0.1'],
      ['Token auth', 'no tokens there'],
      ['Isolated environment', 'it has no enclave']
    ]);
  });
});

describe('a refusal', () => {
  it('is sorted to the settings', () => {
    const error = refusal('invalid_configuration', 'not valid', {
      problems: [
        { field: 'port', message: 'input should be less than 65536' },
        {
          field: '(configuration)',
          message: "workers must be from 1 to 1024, or 'auto'"
        },
        { field: '(configuration)', message: 'bind_all opens the service' },
        { field: 'prot', message: "unknown key, did you mean 'port'?" }
      ]
    });
    expect(problemsOf(error, KEYS)).toEqual({
      config: {
        port: 'input should be less than 65536',
        workers: "workers must be from 1 to 1024, or 'auto'"
      },
      fields: {},
      rest: [
        'bind_all opens the service',
        "prot: unknown key, did you mean 'port'?",
        'Do this.'
      ],
      findings: []
    });
  });

  it('is sorted to the fields of the form', () => {
    const found = problemsOf(
      refusal('invalid_input', 'x', {
        problems: [
          { field: 'source.path', message: 'not there' },
          { field: 'timeout_s', message: 'too short' }
        ]
      }),
      KEYS
    );
    expect(found.fields).toEqual({
      source: 'not there',
      timeout_s: 'too short'
    });
    expect(
      problemsOf(refusal('invalid_name', 'bad name', { field: 'name' }), KEYS)
        .fields
    ).toEqual({
      name: 'bad name Do this.'
    });
    expect(problemsOf(refusal('forbidden', 'no', {}), KEYS).rest).toEqual([
      'no Do this.'
    ]);
  });

  it('has the findings in the script', () => {
    const found = problemsOf(
      refusal('invalid_entry_script', 'The script breaks its contract.', {
        diagnostics: [
          { code: 'MLD101', severity: 'error', message: 'no run()', line: 1 }
        ],
        field: 'entry_script'
      }),
      KEYS
    );
    expect(found.findings[0].code).toBe('MLD101');
    expect(found.fields.source).toBe('The script breaks its contract.');
  });
});
