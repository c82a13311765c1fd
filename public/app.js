// What pages do beyond htmx: times in the viewer's zone, copying, keys, where the focus goes, and one thing at a time.
// Nothing depends on it.
const localTime = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
})

function enhance() {
  for (const time of document.querySelectorAll('time[datetime*="T"]')) {
    const local = localTime.format(new Date(time.dateTime))
    const utc = `${time.dateTime.slice(0, 19).replace('T', ' ')} UTC`
    if ('local' in time.dataset) time.textContent = local
    else time.title = `${local} (${utc})`
  }
  for (const only of document.querySelectorAll('button[data-copy], [data-file], .pick-all'))
    only.hidden = false
  for (const form of document.querySelectorAll('.chooser:has(.pick-all)')) countChosen(form)
}

/** Tells those who don't see it. Emptied first, so that the same words are read out again. */
function say(words) {
  const said = document.getElementById('said')
  said.textContent = ''
  setTimeout(() => (said.textContent = words), 50)
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy)
  button.classList.add('copied')
  say('Copied')
  setTimeout(() => button.classList.remove('copied'), 1500)
}

document.addEventListener(
  'click',
  (event) => {
    const button = event.target.closest?.('button[data-copy]')
    if (button) void copy(button)
    if (event.target.closest?.('#keys-link') && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault()
      event.stopPropagation()
      document.getElementById('keys').showModal()
    }
  },
  true,
)

// Keys: `/` filters, `g` and a letter goes, `?` lists them. Never while somebody types.
let goUntil = 0

function isTyping(element) {
  return element.matches('select, textarea, [contenteditable], input:not([type=checkbox], [type=radio])')
}

function press(key, now) {
  const going = now < goUntil
  goUntil = 0
  if (going) document.querySelector(`.side a[data-key="${CSS.escape(key)}"]`)?.click()
  else if (key === 'g') goUntil = now + 2000
  else if (key === '?') document.getElementById('keys').showModal()
  else if (key === '/') findField()?.focus()
  else return false
  return true
}

function findField() {
  const shown = (field) => field.checkVisibility()
  const filters = document.querySelectorAll('main .filters :is(input:not([type=hidden]), select)')
  return [...filters].find(shown) ?? document.getElementById('find')
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return
  if (document.body.dataset.keys === 'off' || isTyping(event.target)) return
  if (event.key.length === 1 && !document.querySelector('dialog[open]') && press(event.key, event.timeStamp))
    event.preventDefault()
})

// Choosing in a list: all of the page at once, and how many that makes.
function countChosen(form) {
  const boxes = [...form.querySelectorAll('td.pick input')]
  const chosen = boxes.filter((box) => box.checked).length
  const head = form.querySelector('.pick-all')
  head.checked = chosen === boxes.length
  head.indeterminate = chosen > 0 && !head.checked
  const all = form.querySelector('[name=all]')?.checked
  form.querySelector('#chosen').textContent = all || chosen === 0 ? '' : `${chosen} chosen`
}

/** Boxes keep their ticks when rows change places; nothing may be chosen that nobody ticked. */
function chooseNothing() {
  for (const box of document.querySelectorAll('.chooser input')) box.checked = false
}

document.addEventListener('change', ({ target }) => {
  const form = target.closest('.chooser')
  if (!form) return
  if (target.matches('.pick-all'))
    for (const box of form.querySelectorAll('td.pick input')) box.checked = target.checked
  countChosen(form)
})

// A form that is on its way is not sent again.
document.addEventListener(
  'submit',
  (event) => {
    const form = event.target
    if (form.method !== 'post') return
    if (form.ariaBusy === 'true') {
      event.preventDefault()
      event.stopImmediatePropagation()
      return
    }
    form.ariaBusy = 'true'
    if (form.closest('[hx-boost="false"]')) setTimeout(() => (form.ariaBusy = null), 5000) // it may be a download
  },
  true,
)
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[aria-busy]')) form.ariaBusy = null
})
document.addEventListener('htmx:finally:request', ({ detail: { ctx } }) => {
  if (ctx.sourceElement.matches('form')) ctx.sourceElement.ariaBusy = null
})

// What was typed outlives the session: whoever was signed out in the meantime signs in elsewhere and sends it again. Parts
// that a page fetches for itself must not lead away from it either; they tell it once.
let toldSignedOut = false

document.addEventListener('htmx:before:response', (event) => {
  const { request, response } = event.detail.ctx
  const isForm = request.method === 'POST'
  if (response.status !== 401 || (!isForm && request.headers['HX-Boosted'])) return
  event.preventDefault()
  const dialog = document.getElementById('signed-out')
  if (dialog.open || (toldSignedOut && !isForm)) return
  toldSignedOut = true
  dialog.querySelector('a').href = `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`
  dialog.showModal()
})

/** After a form came back with errors: their summary. After going elsewhere: the heading, so that it is read out. */
function moveFocus(wentElsewhere) {
  const summary = document.getElementById('errors')
  if (summary) summary.focus()
  else if (wentElsewhere) document.querySelector('main h1')?.focus({ preventScroll: true })
}

/** A file is read into the field that it fills, where it can be looked at before it is sent. */
document.addEventListener('change', async ({ target }) => {
  const field = document.getElementById(target.dataset?.fills)
  if (field && target.files[0]) field.value = await target.files[0].text()
})

let shown = location.pathname
let wentOn = false
let notice = null

// The same list filtered otherwise must not scroll away, and a form that comes back with errors moves the focus instead.
document.addEventListener('htmx:before:swap', (event) => {
  const { ctx, tasks } = event.detail
  if (!ctx.response) return
  const { follows } = ctx.sourceElement.dataset
  // What was followed may have been left since it was asked for.
  if (follows && (!ctx.sourceElement.isConnected || follows.split('?')[0] !== location.pathname)) {
    event.preventDefault()
    return
  }
  notice = follows && document.getElementById('notice')
  const filtered = ctx.request.method === 'GET' && ctx.sourceElement.matches('form:not(.find)')
  wentOn = ctx.request.method === 'POST' || ctx.sourceElement.matches('a, .find')
  if (filtered || ctx.response.status >= 400) for (const task of tasks) task.swapSpec.show = 'none'
})

// Neither a form with errors nor the same page again is an entry of the history.
document.addEventListener('htmx:before:history:update', (event) => {
  const { history, response } = event.detail
  if (response?.status >= 400) event.preventDefault()
  else if (history.path === location.pathname + location.search) history.type = 'replace'
})

document.addEventListener('htmx:after:swap', () => {
  const side = document.getElementById('side')
  if (side?.matches(':popover-open')) side.hidePopover()
  if (notice) document.getElementById('main').prepend(notice) // what was said is said of the page, however it goes on
  notice = null
  chooseNothing()
  enhance()
  moveFocus(wentOn || shown !== location.pathname)
  wentOn = false
  shown = location.pathname
})

enhance()
