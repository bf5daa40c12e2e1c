import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { withTag } from './images.ts'
import { chooseAddress } from './port-forward.ts'
import { limitOutput, makeDemultiplexer, readJsonLines, splitOutput } from './streams.ts'

function frame(stream: 1 | 2, content: string): Buffer {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0])
  header.writeUInt32BE(Buffer.byteLength(content), 4)
  return Buffer.concat([header, Buffer.from(content)])
}

test('frames are told apart however the bytes are cut', () => {
  const frames = fc.array(fc.tuple(fc.constantFrom<1 | 2>(1, 2), fc.string()), { maxLength: 8 })
  fc.assert(
    fc.property(frames, fc.integer({ min: 1, max: 20 }), (sent, pieceBytes) => {
      const got = { stdout: '', stderr: '' }
      const collected = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
      const demultiplex = makeDemultiplexer((stream, piece) => void collected[stream].push(piece))
      const bytes = Buffer.concat(sent.map(([stream, content]) => frame(stream, content)))
      for (let at = 0; at < bytes.length; at += pieceBytes) demultiplex(bytes.subarray(at, at + pieceBytes))
      got.stdout = Buffer.concat(collected.stdout).toString()
      got.stderr = Buffer.concat(collected.stderr).toString()
      const join = (wanted: number) =>
        sent.flatMap(([stream, content]) => (stream === wanted ? [content] : [])).join('')
      expect(got).toEqual({ stdout: join(1), stderr: join(2) })
    }),
  )
})

test('both outputs end with their source, and a terminal’s is passed on as it is', async () => {
  const source = new PassThrough()
  const { stdout, stderr } = splitOutput(source, false)
  source.end(Buffer.concat([frame(1, 'out'), frame(2, 'bad')]))
  expect(await Promise.all([text(stdout), text(stderr)])).toEqual(['out', 'bad'])
  const terminal = new PassThrough()
  const outputs = splitOutput(terminal, true)
  terminal.end('plain')
  expect(await text(outputs.stdout)).toBe('plain')
})

test('a limit cuts in the middle and ends the source', async () => {
  const source = new PassThrough()
  source.write('abcdef')
  expect(await text(limitOutput(source, 4))).toBe('abcd')
  expect(source.destroyed).toBe(true)
})

test('JSON lines are read also when they are cut', async () => {
  const source = new PassThrough()
  source.write('{"a":1}\n{"a"')
  source.end(':2}\n\n{"a":3}')
  const lines: unknown[] = []
  for await (const line of readJsonLines(source)) lines.push(line)
  expect(lines).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }])
})

test.each([
  ['web', 'web:latest'],
  ['web:2', 'web:2'],
  ['127.0.0.1:5000/web', '127.0.0.1:5000/web:latest'],
  ['web@sha256:0', 'web@sha256:0'],
])('%s is pulled as %s', (reference, expected) => expect(withTag(reference)).toBe(expected))

const line = (local: string, state: string) => `  0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000\n`

test.each([
  ['all IPv4', line('00000000:1F90', '0A'), '', 'TCP4:127.0.0.1:8080'],
  ['all IPv6, which takes IPv4 too', '', line(`${'0'.repeat(32)}:1F90`, '0A'), 'TCP4:127.0.0.1:8080'],
  ['IPv6 loopback', '', line(`${'0'.repeat(24)}01000000:1F90`, '0A'), 'TCP6:[::1]:8080'],
  ['a connection and no listener', line('0100007F:1F90', '01'), '', undefined],
  ['another port', line('00000000:1F91', '0A'), '', undefined],
])('a forward to a listener on %s', (_, tcp, tcp6, expected) => {
  expect(chooseAddress({ tcp, tcp6 }, 8080)).toBe(expected)
})
