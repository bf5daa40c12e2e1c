// Greets every TCP connection with one byte; the client ends it. Usage: server.ts PORT

import { createServer } from 'node:net'

createServer((socket) => {
  // A client that has read its byte resets the connection.
  socket.on('error', () => socket.destroy())
  socket.write('x')
}).listen({ port: Number(process.argv[2]), host: '::', backlog: 4096 }, () => console.log('listening'))
