// Greets every TCP connection with one byte, and repeats what it says; the client ends it. Usage: server.ts PORT

import { createServer } from 'node:net'

createServer((socket) => {
  // A client that has read its byte resets the connection.
  socket.on('error', () => socket.destroy())
  socket.write('x')
  socket.pipe(socket)
}).listen({ port: Number(process.argv[2]), host: '::', backlog: 4096 }, () => console.log('listening'))
