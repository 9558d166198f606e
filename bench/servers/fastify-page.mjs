// A sign-in form as text, served by Fastify: what a page costs that looks nothing up. Argument: port.
import fastify from 'fastify'

const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in</title></head><body><main><h1>Sign in</h1>
<form method="post" action="/login"><label>User name <input name="username"></label>
<label>Password <input name="password" type="password"></label><button type="submit">Sign in</button></form></main></body></html>`

const server = fastify()
server.get('/login', (_request, reply) => reply.type('text/html; charset=utf-8').send(page))
await server.listen({ port: Number(process.argv[2]), host: '127.0.0.1' })
