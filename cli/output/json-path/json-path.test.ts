import { expect, test } from 'vitest'
import { formatTemplate, formatTemplateAsJson, readRelaxedPath, readTemplate } from './json-path.ts'

const pods = {
  kind: 'List',
  items: [
    {
      kind: 'Pod',
      metadata: { name: 'web-1', labels: { 'app.kubernetes.io/name': 'web', tier: '<front>' } },
      spec: { priority: 1, containers: [{ name: 'main', tty: true }, { name: 'side' }] },
      status: { podIP: '10.244.0.2', load: 0.5 },
    },
    { kind: 'Pod', metadata: { name: 'web-2', deletionTimestamp: null }, spec: { priority: 20, containers: [] } },
    { kind: 'Pod', metadata: { name: 'db' }, spec: { priority: 3 }, status: { podIP: '10.244.1.9' } },
  ],
}
const first = pods.items[0]

const print = (template: string, object: unknown = pods) => formatTemplate(readTemplate(template), object)

test.each([
  // text and fields
  ['just text', 'just text'],
  ['a}b', 'a}b'],
  ['kind: {.kind}!', 'kind: List!'],
  ['{ .items[0].metadata.name }', 'web-1'],
  ["{.items[0]['metadata']['name']}", 'web-1'],
  ['{$.kind} {@.kind}', 'List List'],
  ['{.nope}{.nope.deep}{.kind.deep}{.nope[0]}', ''],
  ['{.items[*].metadata.labels.app\\.kubernetes\\.io/name}', 'web'],
  ["{.items[*].metadata.labels['app\\.kubernetes\\.io/name']}", 'web'],
  ["{.items[*].metadata.labels['app.kubernetes.io/name']}", ''],
  // values
  ['{.items[0].spec.containers[0]}', '{"name":"main","tty":true}'],
  ['{.items[0].metadata.labels}', '{"app.kubernetes.io/name":"web","tier":"\\u003cfront\\u003e"}'],
  ['{.items[0].metadata.labels.tier}', '<front>'],
  ['{.items[1].spec.containers}', '[]'],
  ['{.items[1].metadata.deletionTimestamp}{.items[1].metadata.deletionTimestamp.x}', 'null'],
  ['{.items[0].status.load} {.items[0].spec.containers[0].tty}', '0.5 true'],
  // several results
  ['{.items[*].metadata.name}', 'web-1 web-2 db'],
  ['{.items.*.metadata.name}', 'web-1 web-2 db'],
  ['{.items[*].status.podIP}', '10.244.0.2 10.244.1.9'],
  ['{.items[*].spec.containers[*].name}', 'main side'],
  ["{.items[0].metadata['labels','name']['tier']}", '<front>'],
  ["{.items[0]['kind','status'].podIP}", '10.244.0.2'],
  ['{.items[0,2].metadata.name}', 'web-1 db'],
  ['{.items[1:, 0].metadata.name}', 'web-2 db web-1'],
  ['{..name}', 'web-1 main side web-2 db'],
  ['{.items[0]..containers[0].name}', 'main'],
  // indices and slices
  ['{.items[-1].metadata.name}', 'db'],
  ['{.items[].metadata.name}', 'web-1'],
  ['{.items[1:].metadata.name}', 'web-2 db'],
  ['{.items[:-1].metadata.name}', 'web-1 web-2'],
  ['{.items[-2:].metadata.name}', 'web-2 db'],
  ['{.items[::2].metadata.name}', 'web-1 db'],
  ['{.items[0:0].metadata.name}', ''],
  ['{.items[1].spec.containers[*]}', ''],
  // filters
  ['{.items[?(@.metadata.name=="db")].status.podIP}', '10.244.1.9'],
  ["{.items[?(@.metadata.name == 'db')].status.podIP}", '10.244.1.9'],
  ['{.items[?("db"==@.metadata.name)].status.podIP}', '10.244.1.9'],
  ['{.items[?(@.metadata.name!="db")].metadata.name}', 'web-1 web-2'],
  ['{.items[?(@.metadata.name<"web")].metadata.name}', 'db'],
  ['{.items[?(@.spec.priority>=3)].metadata.name}', 'web-2 db'],
  ['{.items[?(@.spec.priority<3)].metadata.name}', 'web-1'],
  ['{.items[?(@.spec.priority<=2.5)].metadata.name}', 'web-1'],
  ['{.items[?(@.spec.priority>-1)].metadata.name}', 'web-1 web-2 db'],
  ['{.items[?(@.status.podIP)].metadata.name}', 'web-1 db'],
  ['{.items[?(@.status.podIP!="x")].metadata.name}', 'web-1 db'],
  ['{.items[0].spec.containers[?(@.tty==true)].name}', 'main'],
  ['{.items[?(@.metadata.labels.app\\.kubernetes\\.io/name=="web")].metadata.name}', 'web-1'],
  ['{.items[?(@.metadata.name=="a)]")].metadata.name}', ''],
  // ranges
  ['{range .items[*]}{.metadata.name} {.status.podIP}{"\\n"}{end}', 'web-1 10.244.0.2\nweb-2 \ndb 10.244.1.9\n'],
  [
    '{range .items[*]}{.metadata.name}:{range .spec.containers[*]}<{.name}>{end};{end}.',
    'web-1:<main><side>;web-2:;db:;.',
  ],
  ['{range .items[?(@.metadata.name=="db")]}{.kind}{end}', 'Pod'],
  ['{range .items[0:2]}{$.metadata.name},{end}', 'web-1,web-2,'],
  ['{range .nope[*]}never{end}always', 'always'],
  ['{range .items[*]}{.metadata.name}\t', 'web-1\tweb-2\tdb\t'],
  // literals
  ['{"\\t\\"\\x41\\u00e9\\101\\\\"}', '\t"AéA\\'],
  ["{'it\\'s'}", "it's"],
  ['{"}"}{1}{-2.5}{true}', '}1-2.5true'],
])('%s', (template, expected) => {
  expect(print(template)).toBe(expected)
})

test.each([
  ['{.kind', 'character 1 ("{.kind"): what begins here has no }'],
  ['{.items[*}', 'character 8 ("[*}"): this bracket is not closed'],
  ['{"kind}', 'character 2 (""kind}"): this quote is not closed'],
  ['{"\\q"}', 'character 2 (""\\q"}"): unknown escape \\q'],
  ['{"\\xyz"}', 'unknown escape \\xyz'],
  ['{kind}', 'character 2 ("kind}"): unknown word "kind"; the name of a field begins with a dot: .kind'],
  ['x {end}', 'character 3 ("{end}"): there is no {range} that this {end} could end'],
  ['{.kind, .items}', 'character 7 (", .items}"): this character cannot be here'],
  ['{.items[one]}', "[one] is no index such as [0], no slice such as [0:2] and no key such as ['name']"],
  ['{....kind}', '.. after .. means nothing more'],
  ['{.items[?(@.kind=="Pod")}', 'a filter compares with == != <= >= < > once, and ends in )]'],
  ['{.items[?(@.kind=="Pod" && @.x)]}', 'character 25 ("&& @.x)]}"): this character cannot be here'],
  ['{.items[?(@.kind', 'character 8 ("[?(@.kind"): what begins here has no )'],
])('%s cannot be read', (template, words) => {
  expect(() => readTemplate(template)).toThrow(words)
  expect(() => readTemplate(template)).toThrow(`jsonpath "${template}", character `)
})

test.each([
  ['{.items[3].kind}', 'character 8 ("[3].kind}"): there is no index 3 in an array of 3'],
  ['{.items[-4]}', 'there is no index -4 in an array of 3'],
  ['{.items[0:5]}', 'there is no index 4 in an array of 3'],
  ['{.items[2:1]}', 'the slice begins at 2, behind its end 1'],
  ['{.items[::0]}', 'the step of a slice has to be above 0'],
  ['{.kind[0]}', 'character 7 ("[0]}"): brackets are for arrays, and this is a string'],
  ['{.items[0][?(@.x)]}', 'brackets are for arrays, and this is an object'],
  ['{.items[?(@.spec.priority=="1")]}', '1 == "1" compares values of types that do not fit'],
  ['{.items[0].spec.containers[?(@.tty<true)]}', 'true < true compares values of types that do not fit'],
  ['{.items[?(@..name=="x")]}', 'a filter compares one value with one other, and these are several'],
])('%s asks what the object does not have', (template, words) => {
  expect(() => print(template)).toThrow(words)
})

test.each(['metadata.name', '.metadata.name', '{metadata.name}', '{.metadata.name}'])(
  '%s is a relaxed path',
  (path) => {
    expect(formatTemplate(readRelaxedPath(path), first)).toBe('web-1')
  },
)

test('as JSON, the results of each part are an array', () => {
  expect(formatTemplateAsJson(readTemplate('{.items[*].metadata.name}{.nope}'), pods)).toBe(
    '[\n    "web-1",\n    "web-2",\n    "db"\n]\n[]\n',
  )
})
