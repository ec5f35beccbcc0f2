// Signed requests from JavaScript: a fetch() that has each request signed by a region first. No dependency; browsers of
// today, Node 20, Deno and Bun have all that it uses. In a browser the API key would be for everybody to read: keep this
// on a server.
//
//   const signedFetch = signing({ region: "http://127.0.0.1:8003", apiKey });
//   const answer = await signedFetch("https://shop.example/orders", { method: "POST", body: JSON.stringify(order) });

export class NotSigned extends Error {
  /** The region did not sign: 401 and 403 are about the API key, 422 about the request, 429 and 503 pass. */
  constructor(status, reason) {
    super(`${status} ${reason}`);
    this.status = status;
    this.reason = reason;
  }
}

/**
 * Return a fetch() that signs.
 *
 * @param {object} options
 * @param {string} options.region URL of the region that the receiver asks; a signature is good in no other.
 * @param {string} options.apiKey needs scope sign:request.
 * @param {number} [options.expiresInSeconds] 1 to 300.
 */
export function signing({ region, apiKey, expiresInSeconds = 60 }) {
  return async function signedFetch(input, init) {
    const request = new Request(input, init);
    const body = new Uint8Array(await request.clone().arrayBuffer());
    // A redirect would be another request under the same signature: it is given to the caller.
    const signed = new Request(request, { redirect: "manual" });
    for (const [name, value] of Object.entries(await sign(request.method, request.url, body))) {
      signed.headers.set(name, value);
    }
    return fetch(signed);
  };

  async function sign(method, url, body) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
    const answer = await fetch(`${region}/api/sign/request`, {
      method: "POST",
      headers: { "X-API-Key": apiKey, "Content-Type": "application/json" },
      body: JSON.stringify({
        method,
        url: url.split("#")[0],
        content_digest: `sha-256=:${btoa(String.fromCharCode(...digest))}:`,
        expires_in_seconds: expiresInSeconds,
      }),
    });
    const document = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new NotSigned(answer.status, document.reason ?? "no reason");
    return document.headers;
  }
}
