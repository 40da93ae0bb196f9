/** The part of JSON Schema, Swagger 2 and OpenAPI 3 that forms are made from. */

export interface IJsonSchema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  title?: string;
  description?: string;
  default?: unknown;
  example?: unknown;
  enum?: unknown[];
  const?: unknown;
  anyOf?: IJsonSchema[];
  oneOf?: IJsonSchema[];
  allOf?: IJsonSchema[];
  properties?: Record<string, IJsonSchema>;
  required?: string[];
  items?: IJsonSchema;
  additionalProperties?: boolean | IJsonSchema;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number | boolean;
  exclusiveMaximum?: number | boolean;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  nullable?: boolean;
  deprecated?: boolean;
  $defs?: Record<string, IJsonSchema>;
  /** Of a configuration's field: the capability without which it has no effect. */
  'x-mldeploy-capability'?: string;
}

/** A schema without references and `null`, and whether `null` was allowed. */
export interface IPlainSchema {
  schema: IJsonSchema;
  nullable: boolean;
}

/** What the documents of services look like, as far as they are read here. */
export interface IServiceDocument {
  definitions?: Record<string, IJsonSchema>;
  components?: { schemas?: Record<string, IJsonSchema> };
}

/** Return what a service takes, its sample with it, or null when the document does not say. */
export function inputSchema(document: IServiceDocument): IJsonSchema | null {
  const schemas = document.components?.schemas ?? document.definitions ?? {};
  return schemas['ServiceInput'] ?? null;
}

/**
 * Follow references and single alternatives; what remains with several alternatives keeps its `anyOf`.
 *
 * @param root where `#/…` begins.
 */
export function plain(schema: IJsonSchema, root: object): IPlainSchema {
  let nullable = false;
  let found = schema;
  for (let step = 0; step < 20; step++) {
    nullable ||= found.nullable === true;
    if (found.$ref !== undefined) {
      const { $ref, ...beside } = found;
      found = { ...lookUp($ref, root), ...beside };
      continue;
    }
    if (found.allOf?.length === 1) {
      const { allOf, ...beside } = found;
      found = { ...allOf[0], ...beside };
      continue;
    }
    if (Array.isArray(found.type)) {
      const types = found.type.filter(type => type !== 'null');
      nullable ||= types.length < found.type.length;
      found =
        types.length === 1
          ? { ...found, type: types[0] }
          : { ...found, type: undefined, anyOf: types.map(type => ({ type })) };
      continue;
    }
    const several = found.anyOf ?? found.oneOf;
    if (several !== undefined) {
      const others = several.filter(item => item.type !== 'null');
      nullable ||= others.length < several.length;
      if (others.length === 1) {
        const beside = { ...found };
        delete beside.anyOf;
        delete beside.oneOf;
        found = { ...others[0], ...beside };
        continue;
      }
      return {
        schema: { ...found, oneOf: undefined, anyOf: others },
        nullable
      };
    }
    break;
  }
  return { schema: found, nullable };
}

function lookUp(reference: string, root: object): IJsonSchema {
  if (!reference.startsWith('#/')) {
    return {};
  }
  let found: unknown = root;
  for (const part of reference.slice(2).split('/')) {
    const name = part.replace(/~1/g, '/').replace(/~0/g, '~');
    found = (found as Record<string, unknown> | undefined)?.[name];
  }
  return (found as IJsonSchema | undefined) ?? {};
}
