/** Asks a service for its health over HTTP or TCP. */
import http from "node:http";
import https from "node:https";
import net from "node:net";
import type { Answer, Prober } from "./engine.ts";
import { portHolder } from "./socket-owner.ts";

export function createProber(): Prober {
  return {
    ask: (probe, timeoutMs) => (probe.kind === "http" ? askHttp(probe.url, timeoutMs) : askTcp(probe, timeoutMs)),
    holder: async (facts) => portHolder(facts),
  };
}

/** Only 2xx is healthy, and redirects are not followed: they lead to a place that says nothing about this container. */
function askHttp(url: string, timeoutMs: number): Promise<Answer> {
  const what = `GET ${url}`;
  return new Promise((resolve) => {
    const request = open(url, (response) => {
      const status = response.statusCode ?? 0;
      finish({ ok: status >= 200 && status < 300, detail: `${what} answered ${status}` });
      response.destroy();
    });
    const timer = setTimeout(() => {
      finish({ ok: false, detail: `${what} had no answer in ${timeoutMs / 1000} s` });
      request.destroy();
    }, timeoutMs);
    const finish = (answer: Answer) => {
      clearTimeout(timer);
      resolve(answer);
    };
    request.on("error", (error) => finish({ ok: false, detail: `${what}: ${wordsOf(error)}` }));
  });
}

/** A certificate for the public name cannot fit the local address that is asked, so it is not checked. */
function open(url: string, onAnswer: (response: http.IncomingMessage) => void): http.ClientRequest {
  const options = { agent: false, headers: { "user-agent": "gantry-agent", connection: "close" } };
  if (url.startsWith("https:")) return https.get(url, { ...options, rejectUnauthorized: false }, onAnswer);
  return http.get(url, options, onAnswer);
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
    default:
      return error.message;
  }
}
