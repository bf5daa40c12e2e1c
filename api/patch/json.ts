// JSON values and the few things all patches do with them.

/** A JSON object. Treated as read-only by patches. */
export type JsonObject = Record<string, unknown>

/** True for JSON objects, false for lists, null and plain values. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Sets a field, also one that is named __proto__. */
export function setField(object: JsonObject, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
  } else object[name] = value
}

/** A field of the object itself, never of its prototype. */
export function getField(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}
