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

const ONNX_OPSET = 20n;
const IR_VERSION = 9n;
/** Weights from this size on, in bytes, stay outside the protobuf: they are handed over without a copy. */
const EXTERNAL_BYTES = 1 << 14;

/** A serialized model and the weights that it refers to by path. */
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

function valueInfo(name: string, shape: Shape): ValueInfoProto {
  const dim = shape.map((size) =>
    create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: BigInt(size) } }),
  );
  const tensor = create(TypeProto_TensorSchema, {
    elemType: TensorProto_DataType.FLOAT,
    shape: create(TensorShapeProtoSchema, { dim }),
  });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }),
  });
}

function bytesOf(data: Float32Array | Int32Array | BigInt64Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

/** Collects the parts of one model. Names are its own business; values are referred to by the names it returns. */
export class ModelBuilder {
  private readonly nodes: NodeProto[] = [];
  private readonly initializers: TensorProto[] = [];
  private readonly inputs: ValueInfoProto[] = [];
  private readonly outputs: ValueInfoProto[] = [];
  private readonly shared = new Map<string, string>();
  private readonly externalData: { path: string; data: Uint8Array }[] = [];
  private counter = 0;

  private fresh(): string {
    return `v${this.counter++}`;
  }

  input(name: string, shape: Shape): string {
    this.inputs.push(valueInfo(name, shape));
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
    const attribute = Object.entries(attributes).map(([key, value]) => attributeProto(key, value));
    this.nodes.push(
      create(NodeProtoSchema, { opType, domain, name: output[0], input: [...input], output, attribute }),
    );
    return output;
  }

  /** A float32 initializer; small ones of equal content are shared. */
  floats(data: Float32Array, shape: Shape): string {
    if (data.length <= 64) return this.once(`f${shape}:${data.join()}`, () => this.tensor(data, shape));
    return this.tensor(data, shape);
  }

  scalar(value: number): string {
    return this.floats(new Float32Array([value]), []);
  }

  /** An int64 initializer of rank 1: shapes, axes, pads. */
  ints(values: readonly number[]): string {
    return this.once(`i${values}`, () => {
      const name = this.fresh();
      const rawData = bytesOf(BigInt64Array.from(values, (v) => BigInt(v)));
      const dims = [BigInt(values.length)];
      this.initializers.push(
        create(TensorProtoSchema, { name, dims, dataType: TensorProto_DataType.INT64, rawData }),
      );
      return name;
    });
  }

  /** An int32 initializer of rank 1: positions to gather. */
  indices(values: Int32Array): string {
    const name = this.fresh();
    const dims = [BigInt(values.length)];
    const proto = create(TensorProtoSchema, { name, dims, dataType: TensorProto_DataType.INT32 });
    return this.initializer(proto, bytesOf(values));
  }

  /** The result of `make`, made once for each key. */
  once(key: string, make: () => string): string {
    let name = this.shared.get(key);
    if (name === undefined) {
      name = make();
      this.shared.set(key, name);
    }
    return name;
  }

  private tensor(data: Float32Array, shape: Shape): string {
    const name = this.fresh();
    const dims = shape.map((size) => BigInt(size));
    const proto = create(TensorProtoSchema, { name, dims, dataType: TensorProto_DataType.FLOAT });
    return this.initializer(proto, bytesOf(data));
  }

  private initializer(proto: TensorProto, data: Uint8Array<ArrayBuffer>): string {
    const { name } = proto;
    if (data.byteLength < EXTERNAL_BYTES) {
      proto.rawData = data;
    } else {
      proto.dataLocation = TensorProto_DataLocation.EXTERNAL;
      const entry = (key: string, value: string) => create(StringStringEntryProtoSchema, { key, value });
      proto.externalData = [
        entry('location', name),
        entry('offset', '0'),
        entry('length', `${data.byteLength}`),
      ];
      this.externalData.push({ path: name, data });
    }
    this.initializers.push(proto);
    return name;
  }

  /** Declares `value` as the model's output `name`. */
  output(name: string, value: string, shape: Shape): void {
    this.nodes.push(create(NodeProtoSchema, { opType: 'Identity', name, input: [value], output: [name] }));
    this.outputs.push(valueInfo(name, shape));
  }

  build(): OnnxModel {
    const opset = (domain: string, version: bigint) => create(OperatorSetIdProtoSchema, { domain, version });
    const model = create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: 'stylegan',
      opsetImport: [opset('', ONNX_OPSET), opset(MICROSOFT, 1n), opset(NCHWC, 1n)],
      graph: create(GraphProtoSchema, {
        name: 'stylegan',
        node: this.nodes,
        initializer: this.initializers,
        input: this.inputs,
        output: this.outputs,
      }),
    });
    return { bytes: toBinary(ModelProtoSchema, model), externalData: this.externalData };
  }
}
