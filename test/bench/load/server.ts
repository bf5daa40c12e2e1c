// Greets every TCP connection with one byte and ends it. Usage: server.ts PORT

import { createServer } from 'node:net'

createServer((socket) => {
  // A client that has read its byte may reset the connection.
  socket.on('error', () => socket.destroy())
  socket.end('x')
}).listen({ port: Number(process.argv[2]), host: '::', backlog: 4096 }, () => console.log('listening'))
