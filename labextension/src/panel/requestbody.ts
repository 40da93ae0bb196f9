import type { JSONObject, JSONValue } from '@lumino/coreutils';

/** Return schema and example of the scoring request, with references resolved one step. */
export function requestBody(
  document: JSONObject
): { schema?: JSONObject; example?: JSONValue } | undefined {
  const paths = object(document.paths);
  for (const path of Object.keys(paths)) {
    const content = object(
      object(object(object(paths[path]).post).requestBody).content
    );
    const media = object(content['application/json']);
    if (Object.keys(media).length > 0) {
      const schema = resolved(document, object(media.schema));
      return {
        ...(Object.keys(schema).length > 0 && { schema }),
        example:
          media.example ??
          schema.example ??
          (Array.isArray(schema.examples) ? schema.examples[0] : undefined)
      };
    }
  }
  return undefined;
}

function resolved(document: JSONObject, schema: JSONObject): JSONObject {
  const name =
    typeof schema.$ref === 'string' ? schema.$ref.split('/').pop() : undefined;
  return name === undefined
    ? schema
    : object(object(object(document.components).schemas)[name]);
}

function object(value: unknown): JSONObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as JSONObject)
    : {};
}
