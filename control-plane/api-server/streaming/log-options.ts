import { invalidValue } from '../../../api/objects/field-errors.ts'
import { badRequest, type FieldError, invalid } from '../../../api/objects/status-error.ts'

const kind = { group: '', kind: 'PodLogOptions', plural: 'podlogoptions' }
const passed = ['follow', 'previous', 'timestamps', 'tailLines', 'sinceSeconds', 'sinceTime', 'limitBytes', 'stream']
const least: Record<string, number> = { tailLines: 0, sinceSeconds: 1, limitBytes: 1 }

/** What of the query the agent needs. Throws BadRequest or Invalid for what Kubernetes refuses. */
export function readLogQuery(query: URLSearchParams): URLSearchParams {
  const errors: FieldError[] = Object.entries(least).flatMap(([field, minimum]) => {
    const text = query.get(field)
    if (text === null) return []
    if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`)
    const why = minimum === 0 ? 'must be greater than or equal to 0' : 'must be greater than 0'
    return Number(text) < minimum ? [invalidValue(field, Number(text), why)] : []
  })
  if (query.has('sinceSeconds') && query.has('sinceTime'))
    errors.push({
      reason: 'FieldValueForbidden',
      field: '',
      message: 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
    })
  if (errors.length > 0) throw invalid(kind, '', errors)
  const chosen = passed.flatMap((name) => query.getAll(name).map((value) => [name, value]))
  return new URLSearchParams(chosen)
}
