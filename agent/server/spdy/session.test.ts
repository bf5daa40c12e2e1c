import { once } from 'node:events'
import { expect, test } from 'vitest'
import { headerDictionary } from './dictionary.ts'
import { FrameReader, formatFrame } from './frames.ts'
import { SpdySession, type SpdyStream } from './session.ts'

/** Two ends of one connection: bytes arrive in pieces of a few bytes, as networks cut them. */
function makePair(pieceBytes = 7) {
  const { promise: accepted, resolve } = Promise.withResolvers<SpdyStream>()
  const deliver = (receiver: () => SpdySession) => {
    let last = Promise.resolve()
    return (bytes: Buffer) => {
      last = last.then(async () => {
        for (let at = 0; at < bytes.length; at += pieceBytes)
          await receiver().receive(bytes.subarray(at, at + pieceBytes))
      })
      return Promise.resolve()
    }
  }
  const server: SpdySession = new SpdySession({ write: deliver(() => client), onStream: resolve })
  const client: SpdySession = new SpdySession({ write: deliver(() => server), onStream: () => {} })
  return { server, client, accepted }
}

/** Reads to the end and leaves the other direction open, which async iteration would not. */
async function readEnd(stream: SpdyStream): Promise<string> {
  let all = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => (all += chunk))
  await once(stream, 'end')
  return all
}

test('the dictionary is the one whose checksum zlib streams of SPDY/3 begin with', () => {
  let [low, high] = [1, 0]
  for (const byte of headerDictionary) {
    low = (low + byte) % 65521
    high = (high + low) % 65521
  }
  expect(headerDictionary).toHaveLength(1423)
  expect((high * 65536 + low) >>> 0).toBe(0xe3c6a7c2)
})

test('a stream arrives with its headers, and carries bytes both ways', async () => {
  const { client, accepted } = makePair()
  const near = await client.open({ streamtype: 'data', port: '8080', requestid: '0' })
  const far = await accepted
  expect(far.headers).toEqual({ streamtype: 'data', port: '8080', requestid: '0' })
  near.end('question')
  expect(await readEnd(far)).toBe('question')
  far.end('answer')
  expect(await readEnd(near)).toBe('answer')
})

test('later header blocks are read with the compressor’s memory of earlier ones', async () => {
  const streams: SpdyStream[] = []
  const server: SpdySession = new SpdySession({
    write: (bytes) => client.receive(bytes),
    onStream: (stream) => streams.push(stream),
  })
  const client: SpdySession = new SpdySession({ write: (bytes) => server.receive(bytes), onStream: () => {} })
  for (let id = 0; id < 20; id++) await client.open({ streamtype: id % 2 ? 'data' : 'error', requestid: String(id) })
  expect(streams.map(({ headers }) => headers.requestid)).toEqual(Array.from({ length: 20 }, (_, id) => String(id)))
})

test('a large transfer arrives whole although its reader is slow', async () => {
  const { client, accepted } = makePair(5000)
  const near = await client.open({})
  const far = await accepted
  const sent = Buffer.alloc(3_000_000, 'abcdefghij')
  near.end(sent)
  let received = 0
  for await (const chunk of far) {
    received += chunk.length
    if (received % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(received).toBe(sent.length)
})

test('a stream that is destroyed is reset on the other side', async () => {
  const { client, accepted } = makePair()
  const near = await client.open({})
  const far = await accepted
  far.resume()
  near.destroy()
  await once(far, 'close')
  expect(far.destroyed).toBe(true)
})

test('pings are answered', async () => {
  const sent: Buffer[] = []
  const write = async (bytes: Buffer) => void sent.push(bytes)
  await new SpdySession({ write, onStream: () => {} }).receive(formatFrame({ type: 'ping', id: 5 }))
  expect(new FrameReader().read(Buffer.concat(sent))).toEqual([{ type: 'ping', id: 5 }])
})

test('bytes that are no SPDY are refused', async () => {
  const makeSession = () => new SpdySession({ write: async () => {}, onStream: () => {} })
  await expect(makeSession().receive(Buffer.from('\x80\x02\x00\x01\x00\x00\x00\x00', 'latin1'))).rejects.toThrow(
    'version',
  )
  await expect(makeSession().receive(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).rejects.toThrow('too long')
})
