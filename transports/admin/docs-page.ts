/** The API's page: the document at `api/openapi.json`, readable and to be tried. Nothing of it comes from elsewhere; `nonce` is the one that the answer's policy names. */
export function docsPage(nonce: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Bifrost gateway: API</title>
<style nonce="${nonce}">${STYLE}</style>
<header><h1>API</h1><label>Find <input id="find" type="search" autocomplete="off"></label></header>
<main id="operations" aria-live="polite">Loading</main>
<script nonce="${nonce}">${SCRIPT}</script>
</html>
`
}

/** What the page may do: run its own script, and ask the gateway at `origin`. */
export function docsPolicy(nonce: string, origin: string | undefined): string {
  const own = `'nonce-${nonce}'`
  const asks = origin === undefined ? "'self'" : `'self' ${origin}`
  return `default-src 'none'; script-src ${own}; style-src ${own}; connect-src ${asks}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { margin: 0 auto; max-width: 60rem; padding: 1rem }
header { display: flex; gap: 2rem; align-items: baseline; flex-wrap: wrap }
h2 { border-bottom: 1px solid; margin: 2rem 0 .5rem }
summary { cursor: pointer; padding: .3rem 0 }
summary b { display: inline-block; width: 4.5rem }
code, pre, textarea, input, select { font: 13px/1.4 ui-monospace, monospace }
textarea { width: 100%; min-height: 7rem; box-sizing: border-box }
pre { overflow: auto; max-height: 24rem; padding: .5rem; border: 1px solid }
details > div { padding: .3rem 0 1rem 1rem }
label { display: block; margin: .3rem 0 }
`

const SCRIPT = `
const make = (name, props, ...inner) => { const node = Object.assign(document.createElement(name), props); node.append(...inner); return node }
const main = document.getElementById('operations')
const credentials = { basic: '', session: '', virtualKey: '' }
const sorts = { basic: 'basic', session: 'session', virtualKey: 'virtualKey', virtualKeyBearer: 'virtualKey', virtualKeyApiKey: 'virtualKey', virtualKeyGoogle: 'virtualKey' }

function authorize(name, scheme, headers) {
  const kept = credentials[sorts[name]]
  if (!kept) return
  if (name === 'basic') headers.authorization = 'Basic ' + btoa(String.fromCharCode(...new TextEncoder().encode(kept)))
  else if (scheme.type === 'http') headers.authorization = 'Bearer ' + kept
  else if (scheme.in === 'header') headers[scheme.name] = kept
}

function operation(spec, path, method, op) {
  const details = make('details', {}, make('summary', {}, make('b', {}, method.toUpperCase()), make('code', {}, path), ' ' + (op.summary || '')))
  details.addEventListener('toggle', () => { if (details.open && details.children.length === 1) details.append(form(spec, path, method, op)) })
  details.dataset.text = (method + ' ' + path + ' ' + op.summary).toLowerCase()
  return details
}

function form(spec, path, method, op) {
  const box = make('div', {})
  const names = (op.security || []).flatMap(Object.keys)
  const choice = make('select', {})
  for (const name of names) choice.append(make('option', { value: name }, name))
  if (names.length === 0 || op.security.some((one) => Object.keys(one).length === 0)) choice.append(make('option', { value: '' }, 'none'))
  const secret = make('input', { type: 'password', autocomplete: 'off' })
  const tell = () => { secret.hidden = !(choice.value in sorts); secret.placeholder = choice.value === 'basic' ? 'user:password' : 'value'; secret.value = credentials[sorts[choice.value]] || '' }
  choice.addEventListener('change', tell)
  secret.addEventListener('input', () => { credentials[sorts[choice.value]] = secret.value })
  tell()
  box.append(make('label', {}, 'Credential ', choice, ' ', secret))
  const fields = (op.parameters || []).map((parameter) => {
    const input = make('input', { autocomplete: 'off' })
    box.append(make('label', {}, parameter.name + (parameter.required ? ' * ' : ' '), input, ' ' + (parameter.description || '')))
    return { ...parameter, input }
  })
  const schema = op.requestBody && op.requestBody.content['application/json'].schema
  const body = schema && make('textarea', { value: '{}', spellcheck: false })
  if (body) box.append(make('label', {}, 'Body', body), make('details', {}, make('summary', {}, 'Schema'), make('pre', {}, JSON.stringify(schema, null, 2))))
  const out = make('pre', { hidden: true })
  const send = make('button', { type: 'button' }, 'Send')
  send.addEventListener('click', async () => {
    const headers = body ? { 'content-type': 'application/json' } : {}
    if (choice.value) authorize(choice.value, spec.components.securitySchemes[choice.value], headers)
    let to = path
    const query = new URLSearchParams()
    for (const { name, in: place, input } of fields) {
      if (place === 'path') to = to.replace('{' + name + '}', encodeURIComponent(input.value))
      else if (input.value !== '') query.set(name, input.value)
    }
    const base = spec.servers[0].url.replace(/\\/$/, '')
    out.hidden = false
    out.textContent = 'Asking'
    try {
      const answer = await fetch(base + to + (query.size ? '?' + query : ''), { method: method.toUpperCase(), headers, body: body && body.value, credentials: choice.value === 'cookie' ? 'same-origin' : 'omit' })
      out.textContent = answer.status + '\\n' + await answer.text()
    } catch (error) { out.textContent = String(error) }
  })
  box.append(send, out)
  return box
}

async function show() {
  const spec = await (await fetch('/api/openapi.json')).json()
  main.replaceChildren()
  for (const { name } of spec.tags) {
    const section = make('section', {}, make('h2', {}, name))
    for (const [path, methods] of Object.entries(spec.paths)) for (const [method, op] of Object.entries(methods)) if (op.tags[0] === name) section.append(operation(spec, path, method, op))
    main.append(section)
  }
}
document.getElementById('find').addEventListener('input', (event) => {
  const text = event.target.value.toLowerCase()
  for (const node of main.querySelectorAll('section > details')) node.hidden = !node.dataset.text.includes(text)
})
show().catch((error) => { main.textContent = String(error) })
`
