// Docker's stream format: without a terminal, each piece of output has a header of eight bytes, with the stream's number and
// the piece's length. https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach

import { PassThrough, type Readable, Transform, type TransformCallback } from 'node:stream'

type OnPiece = (stream: 'stdout' | 'stderr', piece: Buffer) => void

/** Takes chunks as they come, and hands out pieces, which may be parts of what was framed: nothing is held back. */
export function makeDemultiplexer(onPiece: OnPiece): (chunk: Buffer) => void {
  let header = Buffer.alloc(0)
  let stream: 'stdout' | 'stderr' = 'stdout'
  let remaining = 0
  return (chunk) => {
    let rest = chunk
    while (rest.length > 0) {
      if (remaining === 0) {
        const wanted = 8 - header.length
        header = Buffer.concat([header, rest.subarray(0, wanted)])
        rest = rest.subarray(wanted)
        if (header.length < 8) return
        stream = header[0] === 2 ? 'stderr' : 'stdout'
        remaining = header.readUInt32BE(4)
        header = Buffer.alloc(0)
      } else {
        const piece = rest.subarray(0, remaining)
        remaining -= piece.length
        rest = rest.subarray(piece.length)
        onPiece(stream, piece)
      }
    }
  }
}

/** Splits a multiplexed source in two. A slow reader of either holds up the source. */
export function splitOutput(source: Readable, tty: boolean): { stdout: Readable; stderr: Readable } {
  const outputs = { stdout: new PassThrough(), stderr: new PassThrough() }
  const write = (stream: keyof typeof outputs, piece: Buffer) => {
    const output = outputs[stream]
    if (output.destroyed || output.write(piece) || source.isPaused()) return
    source.pause()
    output.once('drain', () => source.resume())
  }
  const demultiplex = makeDemultiplexer(write)
  source.on('data', (chunk: Buffer) => (tty ? write('stdout', chunk) : demultiplex(chunk)))
  const end = () => Object.values(outputs).forEach((output) => void output.end())
  source.on('end', end)
  source.on('close', end)
  source.on('error', end)
  return outputs
}

/** One stream of both outputs in order, or of one of them. */
export function joinOutput(stream?: 'stdout' | 'stderr'): Transform {
  let push = (_piece: Buffer) => {}
  const demultiplex = makeDemultiplexer((from, piece) => {
    if (stream === undefined || from === stream) push(piece)
  })
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      push = (piece) => void this.push(piece)
      demultiplex(chunk)
      done()
    },
  })
}

/** Ends after this many bytes, and ends its source with it. */
export function limitOutput(source: Readable, limitBytes: number): Readable {
  const output = new PassThrough()
  let remaining = limitBytes
  const finish = () => {
    output.end()
    source.destroy()
  }
  source.on('data', (chunk: Buffer) => {
    if (remaining <= 0) return
    output.write(chunk.subarray(0, remaining))
    remaining -= chunk.length
    if (remaining <= 0) finish()
  })
  source.on('end', () => output.end())
  source.on('error', (error) => {
    if (remaining > 0) output.destroy(error)
  })
  output.on('close', () => source.destroy())
  if (limitBytes <= 0) finish()
  return output
}

/** Lines of a stream of JSON objects, parsed. Throws when the stream breaks off. */
export async function* readJsonLines(source: Readable): AsyncIterable<unknown> {
  let rest = ''
  for await (const chunk of source.setEncoding('utf8')) {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line)
  }
  if (rest.trim() !== '') yield JSON.parse(rest)
}
