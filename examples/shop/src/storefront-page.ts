import type { Order } from './order-book.ts'

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const page = (title: string, body: string, script = ''): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="stylesheet" href="/shop/assets/shop.css">
${script}
</head>
<body><main>
<h1>${title}</h1>
${body}
</main></body>
</html>
`

/** What somebody sees who is signed in: who they are, what was ordered, and how to order and to leave. */
export const renderShop = (
  who: { readonly subject: string; readonly roles: readonly string[]; readonly mayOrder: boolean },
  orders: readonly Order[],
) =>
  page(
    'The shop',
    `<p>You are <code id="subject">${escapeHtml(who.subject)}</code>${
      who.roles.length === 0 ? '' : `, ${who.roles.map(escapeHtml).join(' and ')}`
    }. No token is in this browser, and no line of this shop signs anybody in.</p>
<form id="leave" method="post" action="/_gatehouse/logout"><button id="sign-out">Sign out</button></form>
<h2 id="orders-title">Orders</h2>
<p id="live" role="status">Not live</p>
<table aria-labelledby="orders-title">
<thead><tr><th scope="col">Number</th><th scope="col">Item</th><th scope="col">Quantity</th></tr></thead>
<tbody id="orders">
${orders.map(({ id, item, quantity }) => `<tr><td>${escapeHtml(id)}</td><td>${escapeHtml(item)}</td><td>${quantity}</td></tr>`).join('\n')}
</tbody>
</table>
<h2>Order something</h2>
${who.mayOrder ? orderForm : '<p id="may-not-order">You may look, and not order: that takes the scope <code>orders:write</code>.</p>'}`,
    '<script src="/shop/assets/live.js" defer></script>',
  )

const orderForm = `<form id="order" method="post" action="/shop/orders">
<label for="item">Item</label><input id="item" name="item" value="chair" required maxlength="100">
<label for="quantity">Quantity</label><input id="quantity" name="quantity" type="number" value="1" min="1" max="999999" required>
<button id="place">Order</button>
</form>`

/** What somebody sees who has signed out. */
export const renderGoodbye = (): string =>
  page(
    'Goodbye',
    '<p id="goodbye">You are signed out, here and everywhere else.</p>\n<p><a id="again" href="/shop">Back to the shop</a></p>',
  )

/** What somebody sees whose order makes no sense. */
export const renderWrongOrder = (): string =>
  page(
    'That is no order',
    '<p id="no-order">An order has an item and a quantity above 0.</p>\n<p><a href="/shop">Back to the shop</a></p>',
  )

/** What somebody sees who asks for a page that there is not. */
export const renderNothing = (): string =>
  page('There is nothing here', '<p id="nothing"><a href="/shop">Back to the shop</a></p>')

/** The style of every page. */
export const style = `:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 }
main { max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: 0.25rem 0.5rem; border-bottom: 1px solid #8888 }
a { color: inherit }
form { margin: 1rem 0 }
label { display: block; margin-top: 0.5rem }
input, button { font: inherit; padding: 0.4rem 0.6rem }
button { margin-top: 0.5rem }
`

/** Shows each new order as it comes, until the session ends: then the gateway closes the connection with 1008. */
export const script = `const state = document.getElementById('live')
const rows = document.getElementById('orders')
const socket = new WebSocket(location.origin.replace('http', 'ws') + '/shop/live')
socket.onopen = () => { state.textContent = 'Live' }
socket.onmessage = ({ data }) => {
  const order = JSON.parse(data)
  const row = rows.insertRow()
  for (const text of [order.id, order.item, order.quantity]) row.insertCell().textContent = text
}
socket.onclose = ({ code }) => {
  state.textContent = code === 1008 ? 'Signed out: this page is not live any more' : 'Not live'
}
`
