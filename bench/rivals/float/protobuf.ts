/** As much of the protobuf wire format as changing some fields of a message takes. */

export interface Field {
  readonly number: number;
  /** The whole field, tag included. */
  readonly whole: Uint8Array;
  /** The content of a length-delimited field, empty for others. */
  readonly payload: Uint8Array;
  /** The value of a varint field, 0 for others. */
  readonly value: number;
}

const WIRE = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 };

/** @throws Error for a message that ends inside a field */
export function readFields(message: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++];
      if (byte === undefined) throw new Error("expected a varint, got the end of the message");
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const start = at;
    const tag = varint();
    let payload = message.subarray(at, at);
    let value = 0;
    switch (tag % 8) {
      case WIRE.varint:
        value = varint();
        break;
      case WIRE.fixed64:
        at += 8;
        break;
      case WIRE.fixed32:
        at += 4;
        break;
      case WIRE.lengthDelimited: {
        const length = varint();
        payload = message.subarray(at, at + length);
        at += length;
        break;
      }
      default:
        throw new Error(`expected a known wire type, got ${tag % 8}`);
    }
    fields.push({
      number: Math.floor(tag / 8),
      whole: message.subarray(start, at),
      payload,
      value,
    });
  }
  return fields;
}

export function allFields(message: Uint8Array, number: number): Field[] {
  return readFields(message).filter((field) => field.number === number);
}

/** The first field of that number. @throws Error if there is none */
export function firstField(message: Uint8Array, number: number): Field {
  const [field] = allFields(message, number);
  if (field === undefined) throw new Error(`expected a field ${number}, it is absent`);
  return field;
}

/** The message with every field of that number changed. */
export function mapFields(
  message: Uint8Array,
  number: number,
  change: (field: Field) => Uint8Array,
): Uint8Array {
  return concatBytes(
    readFields(message).map((field) => (field.number === number ? change(field) : field.whole)),
  );
}

export function writeBytes(number: number, payload: Uint8Array): Uint8Array {
  const header = [
    ...varintBytes(number * 8 + WIRE.lengthDelimited),
    ...varintBytes(payload.length),
  ];
  return concatBytes([Uint8Array.from(header), payload]);
}

export function writeVarint(number: number, value: number): Uint8Array {
  return Uint8Array.from([...varintBytes(number * 8 + WIRE.varint), ...varintBytes(value)]);
}

export function writeText(number: number, value: string): Uint8Array {
  return writeBytes(number, new TextEncoder().encode(value));
}

export function readText(field: Field): string {
  return new TextDecoder().decode(field.payload);
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function varintBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}
