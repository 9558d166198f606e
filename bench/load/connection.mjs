import { connect } from 'node:net'

/** A connection with one request at a time. */
export class Connection {
  #socket
  #received = ''
  #onAnswer

  /**
   * @param {number} port
   * @param {(connection: Connection, isGood: boolean) => void} onAnswer hears of each answer, good where it is a 200 or 201
   * @param {() => void} onError
   */
  constructor(port, onAnswer, onError) {
    this.#onAnswer = onAnswer
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (chunk) => this.#onData(chunk))
    this.#socket.on('error', onError)
  }

  /** Whether a request can be sent; a server may close a connection that has been idle for long. */
  get isOpen() {
    return this.#socket.writable
  }

  /** @param {string} request as it goes over the wire */
  send(request) {
    this.#socket.write(request, 'latin1')
  }

  #onData(chunk) {
    this.#received += chunk
    const headersEnd = this.#received.indexOf('\r\n\r\n')
    if (headersEnd === -1) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#received)?.[1])
    if (this.#received.length < headersEnd + 4 + length) return
    const isGood = /^HTTP\/1\.1 20[01]/.test(this.#received)
    this.#received = ''
    this.#onAnswer(this, isGood)
  }

  close() {
    this.#socket.destroy()
  }
}
