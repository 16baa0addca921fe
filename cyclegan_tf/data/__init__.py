"""Pictures in: TFRecords, folders, decoding, augmentation, the tf.data pipeline."""
