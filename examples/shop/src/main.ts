import { startShop } from './shop.ts'

const shop = await startShop({ issuer: process.env.ISSUER ?? 'http://localhost:8080' })
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    void shop.stop().then(() => process.exit(0))
  })
}
