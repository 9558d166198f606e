// The rows of every table, by what they are about.

export type * from './rows/clients.ts'
export type * from './rows/deliveries.ts'
export type * from './rows/federation.ts'
export type * from './rows/grants.ts'
export type * from './rows/people.ts'
export type * from './rows/refusals.ts'
export type * from './rows/trust.ts'
