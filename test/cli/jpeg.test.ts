/** The JPEG decoder of labelled data: libjpeg's pixels. */
import { describe, expect, it } from "vitest";
import { decodeJpeg } from "../../src/cli/datasets/jpeg.ts";

/** Written by Pillow 12.3 at quality 60; the pixels as its libjpeg-turbo 3.1.4 reads them. */
const CASES = [
  {
    name: "colour with halved chroma, odd extents",
    width: 21,
    height: 13,
    first: [0, 9, 7, 0, 12, 10, 6, 17, 13, 18, 19, 13],
    checksum: 4358335,
    base64:
      "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxO" +
      "UlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09P" +
      "T09PT09PT0//wAARCAANABUDASIAAhEBAxEB/8QAFwAAAwEAAAAAAAAAAAAAAAAAAAQFBv/EACMQAAEDBAIBBQAAAAAAAAAAAAEC" +
      "AxEABAUiEhNxFiExYYH/xAAWAQEBAQAAAAAAAAAAAAAAAAADBAb/xAAiEQACAQIFBQAAAAAAAAAAAAABAgMABAUREiHREzGBkaH/" +
      "2gAMAwEAAhEDEQA/AMvZ4iY1q9Z4WY0p57qx2Ocu+rs6+OsxMkD5/aV9VOy2m0s2mvaVFxRXPiIipoEaaLrEZjt5oMMuLi43jG1V" +
      "mcIkI2AHmilU5nIOgKQ62yIjihoEH72k0Uq4dOw1BF9nitSkdzpGbD7xX//Z",
  },
  {
    name: "grey",
    width: 10,
    height: 9,
    first: [2, 2, 2, 6, 6, 6, 13, 13, 13, 18, 18, 18],
    checksum: 982687,
    base64:
      "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxO" +
      "UlNSMj5aYVpQYEpRUk//wAALCAAJAAoBAREA/8QAFgABAQEAAAAAAAAAAAAAAAAABQQG/8QAHBAAAgICAwAAAAAAAAAAAAAAAAEE" +
      "BREiITFB/9oACAEBAAA/AMvDqM41FFTcLQugeDC6R//Z",
  },
];

describe("the decoder of the data set's pictures", () => {
  it.each(CASES)("gives libjpeg's pixels: $name", ({ width, height, first, checksum, base64 }) => {
    const image = decodeJpeg(Buffer.from(base64, "base64"));
    expect([image.width, image.height]).toEqual([width, height]);
    expect([...image.data.subarray(0, 12)]).toEqual(first);
    expect(image.data.reduce((sum, value, i) => sum + ((i % 97) + 1) * value, 0)).toBe(checksum);
  });

  it("refuses a progressive file", () => {
    const file = Buffer.from(CASES[0]!.base64, "base64");
    file[file.indexOf(Buffer.of(0xff, 0xc0)) + 1] = 0xc2;
    expect(() => decodeJpeg(file)).toThrow(/baseline/);
  });
});
