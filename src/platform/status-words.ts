/**
 * The words for the status codes of HTTP. Not by `import`, which reads every export of a module: of node:http that loads
 * Node's `fetch` and `WebSocket` too, 12 MB that most services never need.
 */
export const { STATUS_CODES } = process.getBuiltinModule('node:http')
