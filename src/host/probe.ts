/** Asks a service for its health over HTTP or TCP. Whatever the service does, the answer is there within the probe's timeout. */
import http from "node:http";
import https from "node:https";
import net from "node:net";
import type { HttpProbe } from "../core/release.ts";
import { timeoutOf } from "./ask.ts";
import type { Answer, Prober, ReleaseNames } from "./engine.ts";
import { answered, bodyFault, headFault, isEnough, mostBodyBytes, needsBody } from "./http-answer.ts";
import { portHolder } from "./socket-owner.ts";

export function createProber(): Prober {
  return {
    ask: (probe, names) => (probe.kind === "http" ? askHttp(probe, names) : askTcp(probe, timeoutOf(probe))),
    holder: async (facts) => portHolder(facts),
  };
}

function askHttp(probe: HttpProbe, names: ReleaseNames | null): Promise<Answer> {
  const what = `${probe.method ?? "GET"} ${probe.url}`;
  const timeoutMs = timeoutOf(probe);
  return new Promise((resolve) => {
    let late = `had no answer in ${timeoutMs / 1000} s`;
    const finish = (answer: Answer) => {
      clearTimeout(timer);
      resolve(answer);
      request.destroy();
    };
    const request = open(probe, (response) => {
      const status = response.statusCode ?? 0;
      const end = (fault: string | null) => finish(answered(what, fault, status));
      const fault = headFault(probe, { status, headers: response.headers }, names);
      if (fault !== null || !needsBody(probe)) return end(fault);
      late = `answered ${status}, but did not end its answer in ${timeoutMs / 1000} s`;
      readBody(response, { isEnough: (body) => isEnough(probe, body), onBody: (body) => end(bodyFault(probe, body, names)) });
    });
    const timer = setTimeout(() => finish({ ok: false, detail: `${what} ${late}` }), timeoutMs);
    request.on("error", (error) => finish({ ok: false, detail: `${what}: ${wordsOf(error)}` }));
  });
}

/** Calls back once: at the end of the body, when there is enough of it, or when there is more than anyone reads. */
function readBody(
  response: http.IncomingMessage,
  facts: { isEnough: (body: string) => boolean; onBody: (body: string) => void },
): void {
  const parts: Buffer[] = [];
  let length = 0;
  const text = () => Buffer.concat(parts).subarray(0, mostBodyBytes).toString("utf8");
  response.on("data", (part: Buffer) => {
    parts.push(part);
    length += part.length;
    if (length < mostBodyBytes && !facts.isEnough(text())) return;
    response.removeAllListeners("data").pause();
    facts.onBody(text());
  });
  response.on("end", () => facts.onBody(text()));
}

/** A certificate for the public name cannot fit the local address that is asked, so it is not checked. */
function open(probe: HttpProbe, onAnswer: (response: http.IncomingMessage) => void): http.ClientRequest {
  const headers = { "user-agent": "gantry-agent", ...probe.send, connection: "close" };
  const options = { agent: false, method: probe.method ?? "GET", headers };
  const request = probe.url.startsWith("https:")
    ? https.request(probe.url, { ...options, rejectUnauthorized: false }, onAnswer)
    : http.request(probe.url, options, onAnswer);
  request.end();
  return request;
}

function askTcp(probe: { host: string; port: number }, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    const what = `TCP ${probe.host}:${probe.port}`;
    const socket = net.connect({ host: probe.host, port: probe.port });
    const finish = (answer: Answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => finish({ ok: false, detail: `${what} had no answer in ${timeoutMs / 1000} s` }));
    socket.on("connect", () => finish({ ok: true, detail: `${what} accepted` }));
    socket.on("error", (error) => finish({ ok: false, detail: `${what}: ${wordsOf(error)}` }));
  });
}

function wordsOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "nothing listens there";
    case "ECONNRESET":
      return "the connection was cut";
    case "HPE_HEADER_OVERFLOW":
      return "its answer has more than 16 kB of headers";
    default:
      return error.message;
  }
}
