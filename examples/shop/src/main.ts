import { startShop } from './shop.ts'

const shop = await startShop({ issuer: process.env.ISSUER ?? 'http://localhost:8080' }).catch((error: unknown) => {
  if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
  const address = error.message.replace(/^.*EADDRINUSE: address already in use /, '')
  process.stderr.write(
    `shop: ${address} is taken. Does the shop run already? Stop what listens there, and start again.\n`,
  )
  process.exit(1)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    void shop.stop().then(() => process.exit(0))
  })
}
