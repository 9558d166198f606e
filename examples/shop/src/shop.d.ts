/** Where the shop's services listen and whom they trust. */
export interface ShopOptions {
  /** The issuer of the identities that arrive here: Gatehouse's public URL. */
  readonly issuer: string
  /** 4001 unless said otherwise; 0 = any free port. */
  readonly ordersPort?: number
  /** 4002 unless said otherwise; 0 = any free port. */
  readonly inventoryPort?: number
  /** 127.0.0.1 unless said otherwise. */
  readonly host?: string
}
/** The running shop. */
export interface Shop {
  readonly ordersUrl: string
  readonly inventoryUrl: string
  stop(): Promise<void>
}
/** Starts both services. Their audiences are the issuer with `/orders` and `/inventory`. */
export declare function startShop({ issuer, ordersPort, inventoryPort, host }: ShopOptions): Promise<Shop>
//# sourceMappingURL=shop.d.ts.map
