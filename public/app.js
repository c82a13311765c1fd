// What pages do beyond htmx: times in the viewer's zone, copying, and where the focus goes. Nothing depends on it.
const localTime = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
})

function enhance() {
  for (const time of document.querySelectorAll('time[data-local]'))
    time.textContent = localTime.format(new Date(time.dateTime))
  for (const button of document.querySelectorAll('button[data-copy]')) button.hidden = false
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy)
  button.classList.add('copied')
  setTimeout(() => button.classList.remove('copied'), 1500)
}

/** After a form came back with errors: their summary. After going elsewhere: the heading, so that it is read out. */
function moveFocus(wentElsewhere) {
  const summary = document.getElementById('errors')
  if (summary) summary.focus()
  else if (wentElsewhere) document.querySelector('main h1')?.focus({ preventScroll: true })
}

document.addEventListener('click', (event) => {
  const button = event.target.closest?.('button[data-copy]')
  if (button) void copy(button)
})

let shown = location.pathname
let wentOn = false

// The same list filtered otherwise must not scroll away, and a form that comes back with errors moves the focus instead.
document.addEventListener('htmx:before:swap', ({ detail: { ctx, tasks } }) => {
  if (!ctx.response) return
  const filtered = ctx.request.method === 'GET' && ctx.sourceElement.tagName === 'FORM'
  wentOn = ctx.request.method === 'POST' || ctx.sourceElement.tagName === 'A'
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
  enhance()
  moveFocus(wentOn || shown !== location.pathname)
  wentOn = false
  shown = location.pathname
})

enhance()
