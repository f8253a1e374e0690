// Assembles an ONNX ModelProto: nodes, initializers and value infos, with large weights kept outside the protobuf.

import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import type { Shape } from '../core/tensor.ts';
import { toFloat16 } from './float16.ts';

/** A float attribute is marked, since JavaScript's 1 could be either. */
export interface FloatAttribute {
  readonly float: number;
}
export interface FloatsAttribute {
  readonly floats: readonly number[];
}
export type Attribute = number | string | readonly number[] | FloatAttribute | FloatsAttribute;

/** Domains beside ONNX's own: ONNX Runtime's extensions, and its blocked-layout kernels. */
export const MICROSOFT = 'com.microsoft';
export const NCHWC = 'com.microsoft.nchwc';

/** Types of floats in a model; arithmetic is done in the type of its operands. */
export type FloatType = 'float32' | 'float16';
/** Types of a model's inputs and outputs. */
export type ValueType = 'float32' | 'uint8';

/** ONNX's numbers for them. */
export const DATA_TYPE = {
  float32: TensorProto_DataType.FLOAT,
  float16: TensorProto_DataType.FLOAT16,
  uint8: TensorProto_DataType.UINT8,
  int32: TensorProto_DataType.INT32,
} as const;

/** Weights from this size on, in bytes, may stay outside the protobuf. */
const EXTERNAL_BYTES = 1 << 14;
/** Offsets in a file of weights are multiples of a page, so that it can be mapped into memory. */
const PAGE = 4096;

/**
 * Where large weights go: each in its own array, handed over without a copy; into the protobuf; or one after the
 * other into the one file that is named.
 */
export type WeightPlacement = 'apart' | 'inside' | { readonly file: string };

export interface BuildOptions {
  /** Default 'apart'. */
  readonly weights?: WeightPlacement;
  /**
   * Version of ONNX's operators, and of its file format. Default 19 and 9: WebGPU has no GridSample of version 20, and
   * no other operator in use changed in it.
   */
  readonly opset?: number;
  readonly irVersion?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A serialized model and the weights that it refers to by path. A path may come more than once: its parts in order. */
export interface OnnxModel {
  readonly bytes: Uint8Array;
  readonly externalData: readonly { readonly path: string; readonly data: Uint8Array }[];
}

function attributeProto(name: string, value: Attribute) {
  if (typeof value === 'string') {
    return create(AttributeProtoSchema, {
      name,
      type: AttributeProto_AttributeType.STRING,
      s: new TextEncoder().encode(value),
    });
  }
  if (typeof value === 'number') {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) });
  }
  if ('float' in value) {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f: value.float });
  }
  if ('floats' in value) {
    return create(AttributeProtoSchema, {
      name,
      type: AttributeProto_AttributeType.FLOATS,
      floats: [...value.floats],
    });
  }
  return create(AttributeProtoSchema, {
    name,
    type: AttributeProto_AttributeType.INTS,
    ints: value.map((i) => BigInt(i)),
  });
}

function valueInfo(name: string, shape: Shape, type: ValueType): ValueInfoProto {
  const dim = shape.map((size) =>
    create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: BigInt(size) } }),
  );
  const tensor = create(TypeProto_TensorSchema, {
    elemType: DATA_TYPE[type],
    shape: create(TensorShapeProtoSchema, { dim }),
  });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }),
  });
}

function bytesOf(data: Float32Array | Uint16Array | Int32Array | BigInt64Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

/** Collects the parts of one model. Names are its own business; values are referred to by the names it returns. */
export class ModelBuilder {
  /** Type of the floats that are written from now on, and of the arithmetic that {@link once} shares. */
  floatType: FloatType = 'float32';
  private readonly nodes: NodeProto[] = [];
  private readonly domains = new Set<string>();
  private readonly initializers: { readonly proto: TensorProto; readonly data: Uint8Array<ArrayBuffer> }[] =
    [];
  private readonly inputs: ValueInfoProto[] = [];
  private readonly outputs: ValueInfoProto[] = [];
  private readonly shared = new Map<string, string>();
  private counter = 0;

  private fresh(): string {
    return `v${this.counter++}`;
  }

  input(name: string, shape: Shape): string {
    this.inputs.push(valueInfo(name, shape, 'float32'));
    return name;
  }

  /** Adds a node with one result and returns its name. An empty input name stands for an absent input. */
  node(
    opType: string,
    input: readonly string[],
    attributes: Record<string, Attribute> = {},
    domain = '',
  ): string {
    return this.emit(opType, input, attributes, domain, 1)[0];
  }

  /** Adds a node with several results, such as Split. */
  nodeMany(
    opType: string,
    input: readonly string[],
    attributes: Record<string, Attribute>,
    count: number,
  ): string[] {
    return this.emit(opType, input, attributes, '', count);
  }

  private emit(
    opType: string,
    input: readonly string[],
    attributes: Record<string, Attribute>,
    domain: string,
    count: number,
  ): string[] {
    const output = Array.from({ length: count }, () => this.fresh());
    this.domains.add(domain);
    const attribute = Object.entries(attributes).map(([key, value]) => attributeProto(key, value));
    this.nodes.push(
      create(NodeProtoSchema, { opType, domain, name: output[0], input: [...input], output, attribute }),
    );
    return output;
  }

  /** An initializer of floats; small ones of equal content are shared. */
  floats(data: Float32Array, shape: Shape, type = this.floatType): string {
    const dims = shape.map((size) => BigInt(size));
    const make = () => {
      const bytes = bytesOf(type === 'float16' ? toFloat16(data) : data);
      return this.initializer(create(TensorProtoSchema, { dims, dataType: DATA_TYPE[type] }), bytes);
    };
    return data.length <= 64 ? this.once(`f${type}${shape}:${data.join()}`, make) : make();
  }

  scalar(value: number): string {
    return this.floats(new Float32Array([value]), []);
  }

  /** An int64 initializer of rank 1: shapes, axes, pads. */
  ints(values: readonly number[]): string {
    return this.once(`i${values}`, () => {
      const proto = create(TensorProtoSchema, {
        dims: [BigInt(values.length)],
        dataType: TensorProto_DataType.INT64,
      });
      return this.initializer(proto, bytesOf(BigInt64Array.from(values, (v) => BigInt(v))));
    });
  }

  /** An int32 initializer of rank 1: positions to gather. */
  indices(values: Int32Array): string {
    const dims = [BigInt(values.length)];
    const proto = create(TensorProtoSchema, { dims, dataType: TensorProto_DataType.INT32 });
    return this.initializer(proto, bytesOf(values));
  }

  /** The result of `make`, made once for each key and type of floats. */
  once(what: string, make: () => string): string {
    const key = `${this.floatType} ${what}`;
    let name = this.shared.get(key);
    if (name === undefined) {
      name = make();
      this.shared.set(key, name);
    }
    return name;
  }

  private initializer(proto: TensorProto, data: Uint8Array<ArrayBuffer>): string {
    proto.name = this.fresh();
    this.initializers.push({ proto, data });
    return proto.name;
  }

  /** Declares `value` as the model's output `name`. */
  output(name: string, value: string, shape: Shape, type: ValueType = 'float32'): void {
    this.nodes.push(create(NodeProtoSchema, { opType: 'Identity', name, input: [value], output: [name] }));
    this.outputs.push(valueInfo(name, shape, type));
  }

  /** Bytes of all weights. */
  get weightBytes(): number {
    return this.initializers.reduce((sum, { data }) => sum + data.byteLength, 0);
  }

  build({ weights = 'apart', opset = 19, irVersion = 9, metadata = {} }: BuildOptions = {}): OnnxModel {
    const externalData = this.place(weights);
    const domains = [...new Set(['', ...this.domains])];
    const model = create(ModelProtoSchema, {
      irVersion: BigInt(irVersion),
      producerName: 'stylegan',
      opsetImport: domains.map((domain) =>
        create(OperatorSetIdProtoSchema, { domain, version: domain === '' ? BigInt(opset) : 1n }),
      ),
      metadataProps: entries(metadata),
      graph: create(GraphProtoSchema, {
        name: 'stylegan',
        node: this.nodes,
        initializer: this.initializers.map(({ proto }) => proto),
        input: this.inputs,
        output: this.outputs,
      }),
    });
    return { bytes: toBinary(ModelProtoSchema, model), externalData };
  }

  /** Puts the weights where they belong and returns those that are not in the protobuf. */
  private place(weights: WeightPlacement): OnnxModel['externalData'] {
    const outside: { path: string; data: Uint8Array }[] = [];
    let end = 0;
    for (const { proto, data } of this.initializers) {
      if (weights === 'inside' || data.byteLength < EXTERNAL_BYTES) {
        proto.rawData = data;
        continue;
      }
      const location = weights === 'apart' ? proto.name : weights.file;
      const offset = weights === 'apart' ? 0 : Math.ceil(end / PAGE) * PAGE;
      if (weights !== 'apart' && offset > end) {
        outside.push({ path: location, data: new Uint8Array(offset - end) });
      }
      end = offset + data.byteLength;
      proto.dataLocation = TensorProto_DataLocation.EXTERNAL;
      proto.externalData = entries({ location, offset: `${offset}`, length: `${data.byteLength}` });
      outside.push({ path: location, data });
    }
    return outside;
  }
}

function entries(values: Readonly<Record<string, string>>) {
  return Object.entries(values).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
}
