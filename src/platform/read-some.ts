/**
 * What somebody else answers with, up to a limit: who sends without end costs no more.
 * @returns the text, and whether it was cut off there
 */
export async function readSome(
  body: AsyncIterable<Uint8Array> | null,
  maxBytes: number,
): Promise<{ text: string; cut: boolean }> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body ?? []) {
    chunks.push(chunk)
    length += chunk.length
    if (length > maxBytes) break // which ends the connection
  }
  return { text: Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8'), cut: length > maxBytes }
}
